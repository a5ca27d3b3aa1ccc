"""Room on the disks, looked at before an attempt at a job and during it.

A job whose result has no room waits, and says so, rather than fails: nobody has to retry it once
there is room. What FFmpeg has written by then is removed with the work folder.
"""

from __future__ import annotations

import errno
import shutil
import time
from typing import TYPE_CHECKING, Final

from django.conf import settings

from clipset.lib.disk import is_disk_full
from siteconfig.roots import TEMP, is_available, root_path
from siteconfig.services.config import current_video_root
from videos.models import JobKind
from videos.services.processing import jobs
from videos.transcode.errors import DiskFullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from videos.models import Job

CHECK_SECONDS: Final = 2.0
# A job that runs may use a part of the reserve, so that uploads give way to it.
RUNNING_SHARE: Final = 0.5


class NoRoomError(jobs.GiveBackError):
    """A disk has no room for the result of a job."""


def check_room(job: Job) -> None:
    """Checks that the disks have room for the result of a job. Raises: NoRoomError."""
    least = settings.MIN_FREE_DISK_BYTES + _wanted_bytes(job)
    for root in {TEMP, current_video_root()}:
        if _free(root) < least:
            raise NoRoomError


def room_check() -> Callable[[], None]:
    """A function that checks now and then, while a job runs, that disks do not fill up. It raises
    NoRoomError."""
    roots = {TEMP, current_video_root()}
    checked_at = time.monotonic()

    def check() -> None:
        nonlocal checked_at
        if time.monotonic() - checked_at < CHECK_SECONDS:
            return
        checked_at = time.monotonic()
        least = RUNNING_SHARE * settings.MIN_FREE_DISK_BYTES
        if any(_free(root) < least for root in roots):
            raise NoRoomError

    return check


def is_for_want_of_room(error: Exception) -> bool:
    """Whether an attempt failed because a disk of files is full. Not for a file that is larger than
    its file system allows, nor for a full disk of the database."""
    if isinstance(error, DiskFullError):
        return True
    return isinstance(error, OSError) and is_disk_full(error) and error.errno != errno.EFBIG


def _wanted_bytes(job: Job) -> int:
    """About what the result takes: a copy is as large as its source, encodes seldom are larger."""
    if job.kind == JobKind.ENRICH:
        return 0  # renditions that are smaller than what is there
    return int(job.video.file_size_bytes)


def _free(root: str) -> float:
    """Free bytes; infinite for a root that is away, for which jobs wait in another way."""
    if not is_available(root):
        return float("inf")
    return shutil.disk_usage(root_path(root)).free
