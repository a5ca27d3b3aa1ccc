"""Setting files aside: files that no row names are moved, with a note, and never deleted.

They are moved to `set-aside/<date>/<root's name>/` below the media folder, or inside their own root
if that is on another disk, so that no bytes are copied. An admin restores or prunes them with
`manage.py`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from clipset.lib.durable import sync
from siteconfig.roots import IMAGES, is_available, root_names, root_path
from siteconfig.services.audit import record
from videos.services.stored_files import StoredFile, names_in, stored_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

logger = logging.getLogger(__name__)

FOLDER: Final = "set-aside"
MAX_SAME_NAME: Final = 1000
NO_NOTE: Final = "Its note is lost."
# Notes, and unfinished ones of an earlier version that was killed.
_NOTE: Final = re.compile(r"\.json(\.[0-9a-f]{8}\.part)?$")


class SetAsideError(Exception):
    """A file could not be restored. The sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One file or folder that was set aside. `name` is its path below the set-aside folder; `root`
    and `key` are where it was."""

    name: str
    path: Path
    note: Path
    root: str
    key: str
    size_bytes: int
    why: str
    set_aside_at: datetime


def set_aside(file: StoredFile, *, why: str, video_id: UUID | None = None) -> bool:
    """Moves a file or folder aside and writes its note. False when it is gone, or when it cannot be
    moved now, which is logged; it then stays where it is."""
    if not is_available(file.root):
        return False
    path = stored_path(file.root, file.key)
    for base in _bases(file.root):
        try:
            facts = json.dumps(_facts(file, path, why, video_id), indent=1)
            target = _claimed_place(base, file, facts.encode())
        except OSError as error:
            logger.warning("%s could not be set aside: %s", file.key, error)
            return False
        note = _note_of(target)
        try:
            path.rename(target)
        except OSError as error:
            with suppress(OSError):
                note.unlink()
            if isinstance(error, FileNotFoundError):
                return False
            logger.info("%s cannot be moved to %s: %s", file.key, base, error)
            continue
        _sync(path.parent, target.parent)
        logger.warning("set aside: %s (%s)", file.key, why)
        return True
    return False


def all_set_aside() -> Iterator[SetAside]:
    """Yields what is set aside in all roots in use, the oldest day first. The facts about a file
    whose note is lost are incomplete."""
    for base in _all_bases():
        for folder in sorted(base.glob("*/*/")):
            names = set(names_in(folder))
            for name in sorted(names):
                has_note = f"{name}.json" in names
                if has_note or not _NOTE.search(name):
                    with suppress(OSError):
                        yield _read(folder / name, base, has_note=has_note)


def _read(path: Path, base: Path, *, has_note: bool) -> SetAside:
    """The facts about one file, from its note or from the file. Raises: OSError when it is gone."""
    root, note = path.parent.name, _note_of(path)
    moved_at = datetime.fromtimestamp(path.lstat().st_ctime, tz=timezone.get_current_timezone())
    # Without a note it is unknown whether an image was an avatar or a cover.
    facts: dict[str, Any] = {"root": root, "key": "" if root == IMAGES else path.name}
    if has_note:
        with suppress(OSError, ValueError, TypeError):
            facts |= json.loads(note.read_bytes())
    at, size = facts.get("set_aside_at"), facts.get("size_bytes")
    with suppress(ValueError, TypeError):
        moved_at = datetime.fromisoformat(at or "")
        moved_at = timezone.make_aware(moved_at) if timezone.is_naive(moved_at) else moved_at
    return SetAside(
        name=path.relative_to(base).as_posix(),
        path=path,
        note=note,
        root=str(facts["root"]),
        key=str(facts["key"]),
        size_bytes=size if isinstance(size, int) else _size(path),
        why=str(facts.get("why", NO_NOTE)),
        set_aside_at=moved_at,
    )


def set_aside_size() -> tuple[int, int]:
    """The number of files and folders that are set aside, and their size in bytes."""
    sizes = [one.size_bytes for one in all_set_aside()]
    return len(sizes), sum(sizes)


def restore_set_aside(*, name: str) -> Path:
    """Moves a file or folder back to where it was. `name` is its own, or with date and root.

    Raises: SetAsideError when there is no such file, or several, or another file is in its place.
    """
    found = [one for one in all_set_aside() if name in {one.name, one.path.name}]
    if not found:
        raise SetAsideError(f"Nothing named {name} is set aside.")
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise SetAsideError(f"Several files of this name are set aside. Choose one of: {names}")
    (one,) = found
    if not is_available(one.root):
        raise SetAsideError(f"The storage root '{one.root}' is not available.")
    try:
        place = stored_path(one.root, one.key)
    except ValueError as error:
        raise SetAsideError(
            f"The note of {one.name} is lost or unusable. Move the file by hand: {one.path}"
        ) from error
    if os.path.lexists(place):
        raise SetAsideError(f"There is a file at {place} already. Move that one first.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        one.path.rename(place)
    except OSError as error:
        raise SetAsideError(f"{one.name} cannot be moved to {place}: {error}") from error
    _sync(place.parent, one.path.parent)
    record("set_aside.restore", None, name=one.name, after={"root": one.root, "key": one.key})
    one.note.unlink(missing_ok=True)
    return place


def prune_set_aside(*, older_than: timedelta = timedelta(0)) -> tuple[int, int]:
    """Deletes for good what was set aside before `older_than`. Returns how many files and folders,
    and their size in bytes.

    Raises: OSError.
    """
    before = timezone.now() - older_than
    pruned = [one for one in all_set_aside() if one.set_aside_at <= before]
    count, size = len(pruned), sum(one.size_bytes for one in pruned)
    if pruned:  # recorded first: deleting many files may be interrupted
        facts = {"files": count, "bytes": size, "older_than_days": older_than.days}
        record("set_aside.prune", None, name="Set-aside files", before=facts)
    for one in pruned:
        if one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)
        one.note.unlink(missing_ok=True)
        with suppress(OSError):  # not empty
            one.path.parent.rmdir()
            one.path.parent.parent.rmdir()
    return count, size


def _bases(root: str) -> list[Path]:
    """The set-aside folders for a file of this root: the second is for a root on another disk."""
    available = [name for name in (IMAGES, root) if is_available(name)]
    return list(dict.fromkeys(root_path(name) / FOLDER for name in available))


def _all_bases() -> list[Path]:
    """The set-aside folders of all available roots, which need not exist."""
    available = [name for name in (IMAGES, *root_names()) if is_available(name)]
    return list(dict.fromkeys(root_path(name) / FOLDER for name in available))


def _claimed_place(base: Path, file: StoredFile, note: bytes) -> Path:
    """Finds a free place and writes its note. Raises: OSError.

    The process that creates the note has the place, so that two files of one name, or two processes
    that move one file, get different places.
    """
    folder = base / f"{timezone.now():%Y-%m-%d}" / file.root
    folder.mkdir(parents=True, exist_ok=True)
    name = Path(file.key).name
    for number in range(1, MAX_SAME_NAME):
        place = folder / (name if number == 1 else f"{name}.{number}")
        if os.path.lexists(place):
            continue
        try:
            with _note_of(place).open("xb") as written:
                written.write(note)
                written.flush()
                os.fsync(written.fileno())
        except FileExistsError:
            continue
        except OSError:  # the disk is full
            _note_of(place).unlink(missing_ok=True)
            raise
        sync(folder)
        return place
    raise FileExistsError(f"too many files of the name {name}")


def _note_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.json")


def _facts(file: StoredFile, path: Path, why: str, video_id: UUID | None) -> dict[str, object]:
    status = path.lstat()
    return {
        "root": file.root,
        "key": file.key,
        "size_bytes": _size(path),
        "modified_at": datetime.fromtimestamp(
            status.st_mtime, tz=timezone.get_current_timezone()
        ).isoformat(),
        "video_id": str(video_id) if video_id else None,
        "why": why,
        "set_aside_at": timezone.now().isoformat(),
    }


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    if not path.is_dir():
        return path.lstat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def _sync(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):
            sync(folder)
