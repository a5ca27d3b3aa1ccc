"""The log of what the doctor changed, and taking it back.

One JSON object a line in DOCTOR_LOG. A line is on the disk before its change is made: after a crash
in between the log names a change that did not happen, which taking back notifications and leaves.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from clipset.lib.durable import sync
from clipset.lib.text import printable

if TYPE_CHECKING:
    from django.db.models import Model

    from siteconfig.doctor import Finding

logger = logging.getLogger(__name__)

Entry = dict[str, Any]
# Takes one change back. Returns a sentence that says what was done, or why nothing was.
Undo = Callable[[Entry], str]

_undos: Final[dict[str, Undo]] = {}


class DoctorLogError(Exception):
    """The log cannot be read, or holds no run of this name; the text is a sentence."""


def register_undo(kind: str, undo: Undo) -> None:
    """For changes that only another app can take back, by the `kind` of their entries."""
    _undos[kind] = undo


class Journal:
    """Makes the changes of one run, each logged first. `said` tells a person what was done."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.said: list[str] = []
        self._finding: Finding | None = None

    def begin(self, finding: Finding) -> None:
        self._finding = finding
        self.said = []

    def log(self, kind: str, said: str, **facts: Any) -> None:
        """To be called before a change. Raises: OSError, and then nothing must be changed."""
        finding = self._finding
        entry = {
            "run": self.run,
            "at": timezone.now(),
            "check": finding.check if finding else "",
            "subject": finding.subject if finding else "",
            "kind": kind,
            "said": said,
            **facts,
        }
        _append(entry)
        self.said.append(printable(said))

    def change_row(self, row: Model, **changes: Any) -> None:
        """Stores the fields that differ, if the row still is as it was read. In one transaction."""
        old = {name: getattr(row, name) for name in changes}
        new = {name: value for name, value in changes.items() if old[name] != value}
        old = {name: old[name] for name in new}
        if not new:
            return
        with transaction.atomic():
            held = _held(type(row), row.pk)
            if held is None or any(getattr(held, name) != value for name, value in old.items()):
                self.said.append(f"{row._meta.db_table} {row.pk} has changed meanwhile; left as is")
                return
            said = ", ".join(f"{name} {_short(old[name])} -> {_short(new[name])}" for name in new)
            facts = {"model": row._meta.label, "pk": row.pk, "old": old, "new": new}
            self.log("row_changed", f"{row._meta.db_table} {row.pk}: {said}", **facts)
            type(row)._default_manager.filter(pk=row.pk).update(**new)

    def delete_row(self, row: Model) -> None:
        """Deletes a row that nothing hangs on; all of its values are logged. What else follows from
        a deletion, such as the removal of a file, does not."""
        facts = {"model": row._meta.label, "pk": row.pk, "old": _values(row)}
        self.log("row_deleted", f"{row._meta.db_table} {row.pk}: deleted", **facts)
        _delete(row)

    def note_new_row(self, row: Model, *, unless_changed: tuple[str, ...] = ()) -> None:
        """Logs a row that was created just now, in the transaction that created it. It is deleted
        again as long as the fields `unless_changed` are as they are."""
        same = {name: getattr(row, name) for name in unless_changed}
        facts = {"model": row._meta.label, "pk": row.pk, "same": same}
        self.log("row_created", f"{row._meta.db_table} {row.pk}: created", **facts)

    def change_mode(self, path: Path, mode: int) -> None:
        """Changes the permissions of a file or folder, no symbolic link. Raises: OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            old = stat.S_IMODE(os.fstat(descriptor).st_mode)
            said = f"{path}: mode {old:04o} -> {mode:04o}"
            self.log("mode", said, path=str(path), old=old, new=mode)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def entries_of(run: str) -> list[Entry]:
    """The changes of a run, oldest first. Raises: DoctorLogError."""
    found = [entry for entry in _entries() if entry.get("run") == run]
    if not found:
        raise DoctorLogError(f"The doctor's log knows no changes of a run {run}.")
    return found


def take_back(run: str) -> list[str]:
    """Takes the changes of a run back, the newest first, each in its own transaction. What has
    changed since is left. Harmless twice. Returns a sentence for each change.

    Raises: DoctorLogError.
    """
    return [printable(_take_back(entry)) for entry in reversed(entries_of(run))]


def _take_back(entry: Entry) -> str:
    kind = str(entry.get("kind"))
    undo = _OWN.get(kind) or _undos.get(kind)
    if undo is None:
        return f"Nothing to take back: {entry.get('said')}"
    try:
        with transaction.atomic():
            return undo(entry)
    except Exception as error:  # the others are taken back, whatever this entry holds
        logger.exception("a change of the doctor was not taken back")
        return f"Not taken back: {entry.get('said')} ({error})"


def _undo_change(entry: Entry) -> str:
    model = _model(entry)
    row = _held(model, entry["pk"])
    what = f"{model._meta.db_table} {entry['pk']}"
    if row is None:
        return f"Not taken back: {what} is gone."
    new, old = _restored(model, entry["new"]), _restored(model, entry["old"])
    if any(getattr(row, name) != value for name, value in new.items()):
        return f"Not taken back: {what} has changed since, or was never changed."
    model._default_manager.filter(pk=row.pk).update(**old)
    said = ", ".join(f"{name} {_short(new[name])} -> {_short(old[name])}" for name in old)
    return f"Taken back: {what}: {said}"


def _undo_deletion(entry: Entry) -> str:
    model = _model(entry)
    what = f"{model._meta.db_table} {entry['pk']}"
    if _held(model, entry["pk"]) is not None:
        return f"Not taken back: {what} is there."
    model(**_restored(model, entry["old"])).save(force_insert=True)
    return f"Taken back: {what} is there again."


def _undo_creation(entry: Entry) -> str:
    model = _model(entry)
    row = _held(model, entry["pk"])
    what = f"{model._meta.db_table} {entry['pk']}"
    if row is None:
        return f"Not taken back: {what} is gone."
    same = _restored(model, entry["same"])
    if any(getattr(row, name) != value for name, value in same.items()):
        return f"Not taken back: {what} has changed since."
    _delete(row)
    return f"Taken back: {what} was deleted."


def _undo_mode(entry: Entry) -> str:
    path = Path(entry["path"])
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != entry["new"]:
            return f"Not taken back: the mode of {path} has changed since."
        os.fchmod(descriptor, int(entry["old"]))
    finally:
        os.close(descriptor)
    return f"Taken back: {path}: mode {entry['new']:04o} -> {entry['old']:04o}"


_OWN: Final[dict[str, Undo]] = {
    "row_changed": _undo_change,
    "row_deleted": _undo_deletion,
    "row_created": _undo_creation,
    "mode": _undo_mode,
}


# -- rows and lines -------------------------------------------------------------------------------


def _held(model: type[Model], pk: Any) -> Model | None:
    return model._default_manager.select_for_update().filter(pk=pk).first()


def _delete(row: Model) -> None:
    """Without signals: one would ask for the removal of the file that the row names."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    rows._raw_delete(rows.db)


def _model(entry: Entry) -> type[Model]:
    return apps.get_model(str(entry["model"]))


def _values(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _restored(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    """Values as the model's fields have them, from those of a line of the log."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return {
        name: value if value is None else fields[name].to_python(value)
        for name, value in values.items()
    }


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _append(entry: Entry) -> None:
    path = Path(settings.DOCTOR_LOG)
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(entry, cls=_Encoder, ensure_ascii=False) + "\n"
    # Of a file's name that is no text, the escapes are those of JSON.
    line = text.encode(errors="backslashreplace")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a full disk cut the last one off
            line = b"\n" + line
        while line:  # what a full disk takes may be the beginning only
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync(path.parent)


class _Encoder(DjangoJSONEncoder):
    """Django's cuts microseconds off, and then a moment would not be the one of the row."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _entries() -> list[Entry]:
    """Lines that cannot be read, as the last one of a full disk, are left out."""
    try:
        # Not splitlines: a name may hold what that takes for the end of a line.
        lines = Path(settings.DOCTOR_LOG).read_text(errors="replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DoctorLogError(f"The doctor's log cannot be read: {error.strerror}.") from error
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found
