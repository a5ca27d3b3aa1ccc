"""The log of the doctor's changes, and taking them back.

DOCTOR_LOG has one JSON object in each line. A line is on the disk before its change is made. After
a crash in between, the log has a change that was not made. Taking it back finds this out and does
nothing.
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
from siteconfig.services.audit import record

if TYPE_CHECKING:
    from django.db.models import Model

    from siteconfig.doctor import Finding

logger = logging.getLogger(__name__)

Entry = dict[str, Any]
# Undoes one change. Returns a sentence that says what was done, or why nothing was.
Undo = Callable[[Entry], str]

_undos: Final[dict[str, Undo]] = {}


class DoctorLogError(Exception):
    """The log cannot be read, or has no run of this name. The text is a sentence."""


def register_undo(kind: str, undo: Undo) -> None:
    """Registers how another app undoes its own changes, by the `kind` of their entries."""
    _undos[kind] = undo


class Journal:
    """Makes the changes of one run, after logging each of them.

    `sentences` describes the changes for the present finding, for a person.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self.sentences: list[str] = []
        self._finding: Finding | None = None

    def begin(self, finding: Finding) -> None:
        """Starts the changes for a finding."""
        self._finding = finding
        self.sentences = []

    def log(self, kind: str, sentence: str, **facts: Any) -> None:
        """Writes a change to the log, before it is made.

        Raises: OSError. The change must not be made then.
        """
        finding = self._finding
        entry = {
            "run": self.run,
            "at": timezone.now(),
            "check": finding.check if finding else "",
            "subject": finding.subject if finding else "",
            "kind": kind,
            "said": sentence,
            **facts,
        }
        _append(entry)
        self.sentences.append(printable(sentence))

    def change_row(self, row: Model, **changes: Any) -> None:
        """Stores the fields that differ, unless the row has changed since it was read.

        In one transaction.
        """
        old = {name: getattr(row, name) for name in changes}
        new = {name: value for name, value in changes.items() if old[name] != value}
        old = {name: old[name] for name in new}
        if not new:
            return
        with transaction.atomic():
            held = _held(type(row), row.pk)
            if held is None or any(getattr(held, name) != value for name, value in old.items()):
                self.sentences.append(
                    f"{row._meta.db_table} {row.pk} has changed meanwhile and was left as it is."
                )
                return
            diff = ", ".join(f"{name} {_short(old[name])} -> {_short(new[name])}" for name in new)
            facts = {"model": row._meta.label, "pk": row.pk, "old": old, "new": new}
            self.log("row_changed", f"{row._meta.db_table} {row.pk}: {diff}", **facts)
            type(row)._default_manager.filter(pk=row.pk).update(**new)

    def delete_row(self, row: Model) -> None:
        """Deletes a row that no other row refers to, and logs all of its values.

        No signals are sent, so that for example no file of the row is removed.
        """
        facts = {"model": row._meta.label, "pk": row.pk, "old": _values(row)}
        self.log("row_deleted", f"{row._meta.db_table} {row.pk}: deleted", **facts)
        _delete(row)

    def note_new_row(self, row: Model, *, unless_changed: tuple[str, ...] = ()) -> None:
        """Logs a row that was just created, in the transaction that created it.

        Undoing deletes the row if the fields `unless_changed` still have their present values.
        """
        same = {name: getattr(row, name) for name in unless_changed}
        facts = {"model": row._meta.label, "pk": row.pk, "same": same}
        self.log("row_created", f"{row._meta.db_table} {row.pk}: created", **facts)

    def change_mode(self, path: Path, mode: int) -> None:
        """Changes the mode of a file or folder. Raises: OSError, also for a symbolic link."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            old = stat.S_IMODE(os.fstat(descriptor).st_mode)
            sentence = f"{path}: mode {old:04o} -> {mode:04o}"
            self.log("mode", sentence, path=str(path), old=old, new=mode)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def entries_of(run: str) -> list[Entry]:
    """Returns the changes of a run, oldest first. Raises: DoctorLogError if there are none."""
    found = [entry for entry in _entries() if entry.get("run") == run]
    if not found:
        raise DoctorLogError(f"The doctor's log has no changes of a run {run}.")
    return found


def take_back(run: str) -> list[str]:
    """Undoes the changes of a run, newest first, each in its own transaction.

    Values that have changed since are left as they are. A second call changes nothing. Returns a
    sentence for each change.

    Raises: DoctorLogError.
    """
    entries = entries_of(run)
    record("doctor.undo", None, name=run)
    return [printable(_take_back(entry)) for entry in reversed(entries)]


def _take_back(entry: Entry) -> str:
    kind = str(entry.get("kind"))
    undo = _OWN.get(kind) or _undos.get(kind)
    if undo is None:
        return f"Nothing to undo: {entry.get('said')}"
    try:
        with transaction.atomic():
            return undo(entry)
    except Exception as error:  # the other changes are undone in spite of this one
        logger.exception("a change of the doctor was not undone")
        return f"Not undone: {entry.get('said')} ({error})"


def _undo_change(entry: Entry) -> str:
    model = _model(entry)
    row = _held(model, entry["pk"])
    what = f"{model._meta.db_table} {entry['pk']}"
    if row is None:
        return f"Not undone: {what} does not exist any more."
    new, old = _restored(model, entry["new"]), _restored(model, entry["old"])
    if any(getattr(row, name) != value for name, value in new.items()):
        return f"Not undone: {what} has changed since, or was never changed."
    model._default_manager.filter(pk=row.pk).update(**old)
    diff = ", ".join(f"{name} {_short(new[name])} -> {_short(old[name])}" for name in old)
    return f"Undone: {what}: {diff}"


def _undo_deletion(entry: Entry) -> str:
    model = _model(entry)
    what = f"{model._meta.db_table} {entry['pk']}"
    if _held(model, entry["pk"]) is not None:
        return f"Not undone: {what} already exists."
    model(**_restored(model, entry["old"])).save(force_insert=True)
    return f"Undone: {what} exists again."


def _undo_creation(entry: Entry) -> str:
    model = _model(entry)
    row = _held(model, entry["pk"])
    what = f"{model._meta.db_table} {entry['pk']}"
    if row is None:
        return f"Not undone: {what} does not exist any more."
    same = _restored(model, entry["same"])
    if any(getattr(row, name) != value for name, value in same.items()):
        return f"Not undone: {what} has changed since."
    _delete(row)
    return f"Undone: {what} was deleted."


def _undo_mode(entry: Entry) -> str:
    path = Path(entry["path"])
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != entry["new"]:
            return f"Not undone: the mode of {path} has changed since."
        os.fchmod(descriptor, int(entry["old"]))
    finally:
        os.close(descriptor)
    return f"Undone: {path}: mode {entry['new']:04o} -> {entry['old']:04o}"


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
    """Deletes a row without signals, one of which would request the removal of the row's file."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    rows._raw_delete(rows.db)


def _model(entry: Entry) -> type[Model]:
    return apps.get_model(str(entry["model"]))


def _values(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _restored(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    """Converts values from a line of the log to the types of the model's fields."""
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
    # A file's name that is not valid UTF-8 is written with the escapes of JSON.
    line = text.encode(errors="backslashreplace")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        # A full disk may have taken only a part of the last line.
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:  # write may take only a part of the line
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync(path.parent)


class _Encoder(DjangoJSONEncoder):
    """Django's encoder, but with microseconds: a moment must equal the one in the row."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _entries() -> list[Entry]:
    """Returns the entries of the log, without lines that are not valid, as after a full disk."""
    try:
        # Not splitlines: a file's name may contain characters that it treats as line ends.
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
