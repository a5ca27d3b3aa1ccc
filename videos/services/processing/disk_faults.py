"""Telling a disk's fault from that of what lies on it, before a video is blamed.

FFmpeg takes a read error for the end of the file, and what it says of one is what it also says of
damaged files. So after a failure the disk itself is asked.
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
# What the C library calls EIO, ESTALE and EROFS. FFmpeg says the first of damaged files, too.
_WORDS: Final = ("Input/output error", "Stale file handle", "Read-only file system")


class Fault(Enum):
    """What is wrong with the storage of a job that failed."""

    AWAY = "a disk is away, read-only or broken"
    CHANGED = "the source is not as long as what was uploaded"


def fault_of_storage(job: Job, folder: Path, error: Exception, *, tick: Tick) -> Fault | None:
    """Why a failed attempt says nothing about the video; None where the storage is well.

    Looks at the roots' markers, writes to the work folder and reads the source to its end, which
    takes as long as the disk needs for that. Not to be called in a transaction. Raises what `tick`
    raises.
    """
    if is_disk_away(error) or not has_its_storage(job) or _is_unwritable(folder):
        return Fault.AWAY
    try:
        is_changed = _is_changed(job, lambda: tick(Progress()))
    except OSError as failure:
        if is_disk_away(failure):
            return Fault.AWAY
        raise
    if not has_its_storage(job):  # it went while it was read
        return Fault.AWAY
    return Fault.CHANGED if is_changed else None


def _is_changed(job: Job, tick: Callable[[], None]) -> bool:
    """Whether an upload's file is longer or shorter than it was. False when it is missing, which
    the failure of its job says already. Raises: OSError."""
    video = job.video
    try:
        if job.kind == JobKind.ENRICH:
            bytes_read(video.file_path, tick)
        elif video.source_key:
            return bytes_read(video.source_file, tick) != video.file_size_bytes
    except FileNotFoundError:
        pass
    return False


def speaks_of_disk(error: TranscodeError) -> bool:
    """Whether FFmpeg met what may have been a disk that failed for a moment."""
    return any(words in error.detail for words in _WORDS)


def is_unreadable(root: str, path: Path) -> bool:
    """Whether a file cannot be read because of its disk, rather than for what it is."""
    if not is_available(root):
        return True
    try:
        bytes_read(path, lambda: None)
    except OSError as error:
        return is_disk_away(error)
    return False


def bytes_read(path: Path, tick: Callable[[], None]) -> int:
    """Reads a file to its end. Returns its length. Raises: OSError."""
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
