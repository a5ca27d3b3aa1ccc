"""The folder of one attempt at a job, and the names of the files that the attempt makes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from clipset.lib.work_folder import clear_away
from siteconfig.roots import TEMP, checked_root, root_path
from videos.filenames import VERSION_CHARACTERS, published_stem

if TYPE_CHECKING:
    from pathlib import Path

    from videos.models import Job


def work_folder(job: Job) -> Path:
    """The folder of one attempt. The attempt's number and the lease's token keep it apart from
    those of other attempts."""
    return root_path(TEMP) / work_key(job)


def work_key(job: Job) -> str:
    """The path of the attempt's folder, relative to the root `temp`."""
    return f"job-{job.pk}/{job.attempts:06}-{job.lease_owner}"


def enter_work_folder(folder: Path) -> None:
    """Creates an empty folder for this attempt and removes those of attempts before it.

    The folders of later attempts stay: such an attempt may be running, while this one does not know
    yet that it lost the job.

    Raises: RootUnavailableError.
    """
    checked_root(TEMP)
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    for other in folder.parent.iterdir():
        if other.name < folder.name:
            clear_away(other)


def leave_work_folder(folder: Path) -> None:
    """Removes this attempt's folder and nothing else: another worker may have the job by now."""
    clear_away(folder)
    with suppress(OSError):  # not empty, or never created
        folder.parent.rmdir()


def original_folder(job: Job) -> Path:
    """The folder in which the rendition in original quality is made while another worker encodes.
    It is not in the job's own, which that worker empties; the sweep removes what a kill leaves."""
    return root_path(TEMP) / f"original-{job.pk}-{attempt_version(job)}"


def file_stem(job: Job) -> str:
    """The beginning of the names of the files that this attempt publishes. The rows name the files
    of one attempt only."""
    return published_stem(job.video_id, attempt_version(job))


def attempt_version(job: Job, *, started_again: bool = False) -> str:
    """The version of the files that this attempt makes, for names and addresses. `started_again`:
    another version, for an attempt that restarted in the middle."""
    start = VERSION_CHARACTERS if started_again else 0
    return job.lease_owner[start : start + VERSION_CHARACTERS]
