"""Tells a fault of the disk from a fault of the file, before a video is blamed.

FFmpeg takes a read error for the end of the file, and reports it in the same words as a damaged
file. So after a failure the disk itself is tried.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from clipset.lib.disk import is_disk_away, try_write
from siteconfig.roots import is_available
from videos.models import JobKind
from videos.services.storage import has_its_storage
from videos.transcode.errors import TranscodeError
from videos.transcode.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videos.models import Job
    from videos.transcode.types import Tick

READ_BYTES: Final = 4 * 1024**2
# The C library's texts for EIO, ESTALE and EROFS. FFmpeg prints the first for damaged files, too.
_DISK_ERRORS: Final = ("Input/output error", "Stale file handle", "Read-only file system")


class Fault(Enum):
    """A fault of the storage of a job that failed."""

    AWAY = "a disk is away, read-only or broken"
    CHANGED = "the source is not as long as what was uploaded"


def fault_of_storage(job: Job, folder: Path, error: Exception, *, tick: Tick) -> Fault | None:
    """The fault of the storage that explains a failed attempt; None when the storage is fine.

    Checks the roots' markers, writes to the work folder and reads the source to its end, which
    takes as long as the disk needs. Do not call it in a transaction.

    Raises: what `tick` raises.
    """
    if is_disk_away(error) or not has_its_storage(job) or _is_unwritable(folder):
        return Fault.AWAY
    try:
        is_changed = _is_changed(job, lambda: tick(Progress()))
    except OSError as failure:
        if is_disk_away(failure):
            return Fault.AWAY
        raise
    if not has_its_storage(job):  # the disk went away during the read
        return Fault.AWAY
    return Fault.CHANGED if is_changed else None


def _is_changed(job: Job, tick: Callable[[], None]) -> bool:
    """Whether the source has another length than the upload had. False when it is missing, which
    the job's failure says already. Raises: OSError."""
    video = job.video
    try:
        if job.kind == JobKind.ENRICH:
            bytes_read(video.file_path, tick)
        elif video.source_key:
            return bytes_read(video.source_file, tick) != video.file_size_bytes
    except FileNotFoundError:
        pass
    return False


def may_be_disk_error(error: TranscodeError) -> bool:
    """Whether FFmpeg's message may come from a disk that failed for a moment."""
    return any(words in error.detail for words in _DISK_ERRORS)


def is_unreadable(root: str, path: Path) -> bool:
    """Whether a file cannot be read because of its disk, rather than its content."""
    if not is_available(root):
        return True
    try:
        bytes_read(path, lambda: None)
    except OSError as error:
        return is_disk_away(error)
    return False


def bytes_read(path: Path, tick: Callable[[], None]) -> int:
    """Reads a file to its end. Returns its length in bytes. Raises: OSError."""
    size = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(READ_BYTES):
            size += len(piece)
            tick()
    return size


def _is_unwritable(folder: Path) -> bool:
    try:
        try_write(folder)
    except OSError as error:
        return is_disk_away(error)
    return False
