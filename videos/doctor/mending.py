"""Repairs that several checks share: set files aside, move them back, make renditions again.

Each repair can be undone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import transaction
from django.db.models import Model, Sum

from siteconfig.doctor import DoctorStoppedError
from siteconfig.roots import RootUnavailableError, check_roots
from videos.models import Job, JobKind, Rendition, Video
from videos.services.processing import jobs
from videos.services.removals import removals_are_paused
from videos.services.set_aside import all_set_aside, restore_set_aside, set_aside
from videos.services.stored_files import StoredFile, stored_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from django.db.models import QuerySet

    from siteconfig.services.doctor_log import Journal

_Row = TypeVar("_Row", bound=Model)
BATCH: Final = 500  # rows in memory


class MendError(Exception):
    """Nothing was repaired; the message is a sentence."""


def is_missing(file: StoredFile) -> bool:
    """Returns whether a file is missing.

    Raises: DoctorStoppedError if its root is not available; OSError.
    """
    try:
        path = stored_path(*file)
        path.stat()
    except FileNotFoundError:
        stop_if_away(file.root)
        return True
    except RootUnavailableError as error:
        raise DoctorStoppedError(str(error)) from error
    return False


def stop_if_away(root: str) -> None:
    """Raises: DoctorStoppedError if the root is not available."""
    try:
        check_roots([root])
    except RootUnavailableError as error:
        raise DoctorStoppedError(str(error)) from error


# -- files ----------------------------------------------------------------------------------------


class FilesSetAside:
    """The newest set-aside file for each original place. Reads the list at the first use."""

    def __init__(self) -> None:
        self._names: dict[StoredFile, str] | None = None

    def name_of(self, file: StoredFile) -> str | None:
        if self._names is None:
            self._names = {StoredFile(one.root, one.key): one.name for one in all_set_aside()}
        return self._names.get(file)

    def __contains__(self, file: StoredFile) -> bool:
        return self.name_of(file) is not None


def refuse_during_backup() -> None:
    """Raises: MendError while a backup runs, which copies the files that its snapshot names."""
    if removals_are_paused():
        raise MendError("A backup is running. Try again when it is done.")


def move_aside(
    file: StoredFile, journal: Journal, *, why: str, video_id: UUID | None = None
) -> None:
    """Sets a file aside. Raises: MendError if that fails, or while a backup runs."""
    refuse_during_backup()
    journal.log("set_aside", f"{file.root}/{file.key}: set aside", root=file.root, key=file.key)
    if not set_aside(file, why=why, video_id=video_id):
        raise MendError(f"{file.key} could not be set aside.")


def put_back(file: StoredFile, journal: Journal) -> None:
    """Moves a file that was set aside back to its place. Raises: MendError, SetAsideError."""
    name = FilesSetAside().name_of(file)
    if name is None:
        raise MendError(f"{file.key} is no longer set aside.")
    (one,) = (it for it in all_set_aside() if it.name == name)
    note = f"{file.root}/{file.key}: moved back from set-aside/{name}"
    journal.log("put_back", note, root=file.root, key=file.key, moved=_identity(one.path))
    restore_set_aside(name=name)


def _identity(path: Path) -> list[int]:
    """Returns what stays the same when a file is moved: inode, size, mtime. Raises: OSError."""
    status = path.lstat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def undo_set_aside(entry: dict[str, Any]) -> str:
    file = StoredFile(entry["root"], entry["key"])
    since = datetime.fromisoformat(entry["at"])
    refuse_during_backup()
    for one in all_set_aside():
        if (one.root, one.key) == file and one.set_aside_at >= since:
            if stored_path(*file).exists():
                return f"Not undone: there is a new file {file.key}."
            restore_set_aside(name=one.name)
            return f"Undone: {file.root}/{file.key} is in its place again."
    return f"Not undone: {file.root}/{file.key} is not set aside."


def undo_put_back(entry: dict[str, Any]) -> str:
    file = StoredFile(entry["root"], entry["key"])
    refuse_during_backup()
    try:
        is_same = _identity(stored_path(*file)) == entry.get("moved")
    except FileNotFoundError:
        is_same = False
    if not is_same:
        return f"Not undone: {file.root}/{file.key} is not the file that was moved back."
    if set_aside(file, why="An admin undid that the doctor moved this file back."):
        return f"Undone: {file.root}/{file.key} is set aside again."
    return f"Not undone: {file.root}/{file.key} is missing."


# -- work -----------------------------------------------------------------------------------------


def add_job(video: Video, kind: JobKind, journal: Journal) -> None:
    """Adds a job unless the video has an open one. Call it in a transaction."""
    if jobs.open_job(video) is None:
        job = jobs.add_job(video=video, kind=kind)
        journal.note_new_row(job, unless_changed=("state", "attempts"))


def make_again(rendition: Rendition, journal: Journal) -> None:
    """Deletes a rendition's row and lets a worker make it again. That of one in original quality
    needs the kept original.

    Raises: MendError for the largest rendition, from which all others are made.
    """
    video = rendition.video
    if rendition.filename == video.filename:
        raise MendError("This rendition is the video itself, so it can't be made again.")
    with transaction.atomic():
        Video.objects.select_for_update().get(pk=video.pk)
        journal.delete_row(rendition)
        total = Rendition.objects.filter(video=video).aggregate(sum=Sum("size_bytes"))["sum"]
        journal.change_row(video, stored_bytes=total)
        if video.is_ready:  # else it is the original quality of one that is encoded or failed
            add_job(video, JobKind.ENRICH, journal)


def log_rerun(note: str, journal: Journal) -> None:
    """Logs a repair with nothing to undo: a task was enqueued, or an index was rebuilt."""
    journal.log("woken", note)


def each_of(rows: QuerySet[_Row], *, newest: int | None = None) -> Iterator[_Row]:
    """Yields all rows, or the `newest` ones, with BATCH rows in memory at a time.

    No query stays open meanwhile: SQLite refuses a write on a connection with an open query that
    began before another connection's write.
    """
    keys = rows.order_by("-pk").values_list("pk", flat=True)
    chosen = list(keys if newest is None else keys[:newest])
    for start in range(0, len(chosen), BATCH):
        yield from rows.filter(pk__in=chosen[start : start + BATCH]).order_by("-pk")


def has_open_job() -> Any:
    """Returns a subquery of the videos that have a waiting or running job."""
    return Job.objects.filter(state__in=["WAITING", "RUNNING"]).values("video")
