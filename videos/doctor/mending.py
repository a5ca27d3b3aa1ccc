"""What several mends of videos do: set files aside, put them back, and have a worker make again
what is missing. Each has its way back."""

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
    """Nothing was mended; the text is a sentence."""


def is_missing(file: StoredFile) -> bool:
    """Whether a file is gone, its root being there. Raises: DoctorStoppedError when the root went
    away, and OSError."""
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
    """Raises: DoctorStoppedError."""
    try:
        check_roots([root])
    except RootUnavailableError as error:
        raise DoctorStoppedError(str(error)) from error


# -- files ----------------------------------------------------------------------------------------


class FilesSetAside:
    """What is set aside, by where it was; of several the newest. Read when first asked for."""

    def __init__(self) -> None:
        self._names: dict[StoredFile, str] | None = None

    def name_of(self, file: StoredFile) -> str | None:
        if self._names is None:
            self._names = {StoredFile(one.root, one.key): one.name for one in all_set_aside()}
        return self._names.get(file)

    def __contains__(self, file: StoredFile) -> bool:
        return self.name_of(file) is not None


def refuse_during_backup() -> None:
    """A backup copies what its snapshot of the database names. Raises: MendError."""
    if removals_are_paused():
        raise MendError("A backup is running. Try again when it is done.")


def move_aside(
    file: StoredFile, journal: Journal, *, why: str, video_id: UUID | None = None
) -> None:
    """Raises: MendError, also while a backup runs."""
    refuse_during_backup()
    journal.log("set_aside", f"{file.root}/{file.key}: set aside", root=file.root, key=file.key)
    if not set_aside(file, why=why, video_id=video_id):
        raise MendError(f"{file.key} could not be set aside.")


def put_back(file: StoredFile, journal: Journal) -> None:
    """Moves a file from where it was set aside to its place. Raises: MendError, SetAsideError."""
    name = FilesSetAside().name_of(file)
    if name is None:
        raise MendError(f"{file.key} is not set aside any more.")
    (one,) = (it for it in all_set_aside() if it.name == name)
    said = f"{file.root}/{file.key}: moved back from set-aside/{name}"
    journal.log("put_back", said, root=file.root, key=file.key, moved=_identity(one.path))
    restore_set_aside(name=name)


def _identity(path: Path) -> list[int]:
    """What a move by name keeps of a file. Raises: OSError."""
    status = path.lstat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def undo_set_aside(entry: dict[str, Any]) -> str:
    file = StoredFile(entry["root"], entry["key"])
    since = datetime.fromisoformat(entry["at"])
    refuse_during_backup()
    for one in all_set_aside():
        if (one.root, one.key) == file and one.set_aside_at >= since:
            if stored_path(*file).exists():
                return f"Not taken back: there is a file {file.key} again."
            restore_set_aside(name=one.name)
            return f"Taken back: {file.root}/{file.key} is in its place again."
    return f"Not taken back: {file.root}/{file.key} is not set aside."


def undo_put_back(entry: dict[str, Any]) -> str:
    file = StoredFile(entry["root"], entry["key"])
    refuse_during_backup()
    try:
        is_same = _identity(stored_path(*file)) == entry.get("moved")
    except FileNotFoundError:
        is_same = False
    if not is_same:
        return f"Not taken back: {file.root}/{file.key} is not the file that was moved back."
    if set_aside(file, why="What the doctor had moved back was taken back."):
        return f"Taken back: {file.root}/{file.key} is set aside again."
    return f"Not taken back: {file.root}/{file.key} is not there."


# -- work -----------------------------------------------------------------------------------------


def add_job(video: Video, kind: JobKind, journal: Journal) -> None:
    """Queues work unless some is queued already. In a transaction."""
    if jobs.open_job(video) is None:
        job = jobs.add_job(video=video, kind=kind)
        journal.note_new_row(job, unless_changed=("state", "attempts"))


def make_again(rendition: Rendition, journal: Journal) -> None:
    """Forgets a smaller rendition and has a worker make it again. Raises: MendError for the one
    that all others are made of."""
    video = rendition.video
    if rendition.filename == video.filename:
        raise MendError("This rendition is the video itself, and nothing can be made of it.")
    with transaction.atomic():
        Video.objects.select_for_update().get(pk=video.pk)
        journal.delete_row(rendition)
        left = Rendition.objects.filter(video=video).aggregate(sum=Sum("size_bytes"))["sum"]
        journal.change_row(video, stored_bytes=left)
        add_job(video, JobKind.ENRICH, journal)


def wake(said: str, journal: Journal) -> None:
    """Notes what has nothing to take back: a worker was woken, or an index made again."""
    journal.log("woken", said)


def each_of(rows: QuerySet[_Row], *, newest: int | None = None) -> Iterator[_Row]:
    """All rows, or the newest few, some hundred in memory at a time. No query stays open meanwhile:
    SQLite refuses what a connection writes beside one that began before another's write."""
    keys = rows.order_by("-pk").values_list("pk", flat=True)
    chosen = list(keys if newest is None else keys[:newest])
    for start in range(0, len(chosen), BATCH):
        yield from rows.filter(pk__in=chosen[start : start + BATCH]).order_by("-pk")


def has_open_job() -> Any:
    """For filters: the videos on which somebody works or is going to."""
    return Job.objects.filter(state__in=["WAITING", "RUNNING"]).values("video")
