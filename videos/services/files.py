"""Files of videos on disk: what belongs to whom, and what nobody needs any more."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from siteconfig.services.config import current_config
from videos.models import Job, ProcessingStatus, Upload, Video
from videos.models.job import JobState
from videos.transcode.publish import copy_file, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

# What the sweep may touch, whatever else somebody keeps in that folder.
OURS = re.compile(r"upload-[0-9a-f]{32}|job-\d+|samples-.+")
KEEP_FAILED_SOURCE = timedelta(days=14)
# Nothing in the temp folder is touched before this age, whatever the tables say.
MIN_AGE = timedelta(minutes=30)


def paths_of(video: Video) -> list[str]:
    """Every file that a video has now."""
    paths = [video.source_path, video.original_path]
    if video.storage_root:
        paths.append(str(video.file_path))
    if video.thumbnail_path is not None:
        paths.append(str(video.thumbnail_path))
    return [path for path in paths if path]


def remove_files(paths: Iterable[str | Path]) -> None:
    """Removes files, and the folder of a source below the temp folder with them. Missing ones
    are fine: it may run twice."""
    temp = Path(settings.TEMP_STORAGE_PATH)
    for path in map(Path, paths):
        path.unlink(missing_ok=True)
        if path.parent.parent == temp:
            shutil.rmtree(path.parent, ignore_errors=True)


def remove_unowned(video_id: UUID, paths: Iterable[str]) -> None:
    """Removes the files of a deleted video, unless a row names them again by now: sample videos
    get the same names each time they are made.

    Besides `paths`, which its row named when it was read for the deletion, what has its name: a
    worker may have published it between the two.
    """
    paths = {*paths, *map(str, named_after(video_id))}
    names = {Path(path).name for path in paths}
    owners = Video.objects.filter(
        Q(filename__in=names)
        | Q(thumbnail_filename__in=names)
        | Q(source_path__in=paths)
        | Q(original_path__in=paths)
    )
    owned = {path for video in owners for path in paths_of(video)}
    remove_files(path for path in paths if path not in owned)


def work_folder(job: Job) -> Path:
    """Where one attempt works. The lease's token keeps attempts apart."""
    return Path(settings.TEMP_STORAGE_PATH) / f"job-{job.pk}" / job.lease_owner


def enter_work_folder(folder: Path) -> None:
    """An empty folder for this attempt. What stands beside it is of attempts that lost the job."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)


def leave_work_folder(folder: Path) -> None:
    """Removes this attempt's folder and nothing else: by now somebody else may have the job."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # not empty, or never made
        folder.parent.rmdir()


def file_stem(job: Job) -> str:
    """The name that one attempt's files carry: only one attempt's name is ever stored."""
    return f"{job.video_id.hex}-{job.lease_owner[:12]}"


def named_after(video_id: UUID) -> list[Path]:
    """What lies where files are published now and carries the video's name, of whatever attempt."""
    roots = {
        current_config().video_root,
        Path(settings.THUMBNAIL_STORAGE_PATH),
        Path(settings.ORIGINAL_STORAGE_PATH),
    }
    # With a dot in front: a copy to another disk that was cut off.
    patterns = (f"{video_id.hex}-*", f".{video_id.hex}-*")
    return [path for root in roots for pattern in patterns for path in root.glob(pattern)]


def remove_unnamed(video_id: UUID, paths: Iterable[Path]) -> None:
    """Removes those of the files that the video's row, as it stands now, does not name."""
    video = Video.objects.filter(pk=video_id).first()
    kept = set(paths_of(video)) if video else set()
    remove_files(path for path in paths if str(path) not in kept)


def keep_original(source: Path, *, stem: str, tick: Callable[[], None]) -> Path:
    """A second name for the file as it was sent, in the folder of originals; a copy where that
    lies on another disk. The source itself stays until the result is stored."""
    folder = Path(settings.ORIGINAL_STORAGE_PATH)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{stem}{source.suffix}"
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target, tick=tick)
    sync(folder)
    return target


def sweep_temp() -> int:
    """Removes folders below the temp folder that belong to no upload, no running job and no
    video. Returns how many."""
    temp = Path(settings.TEMP_STORAGE_PATH)
    if not temp.is_dir():
        return 0
    oldest = (timezone.now() - MIN_AGE).timestamp()
    ours = [path for path in temp.iterdir() if OURS.fullmatch(path.name)]
    stale = [path for path in ours if _last_change(path) < oldest]
    if not stale:
        return 0
    needed = {Path(folder).name for folder in Upload.objects.values_list("folder", flat=True)}
    needed |= {
        Path(source).parent.name
        for source in Video.objects.exclude(source_path="").values_list("source_path", flat=True)
    }
    needed |= {
        f"job-{pk}"
        for pk in Job.objects.filter(state=JobState.RUNNING).values_list("pk", flat=True)
    }
    swept = [path for path in stale if path.name not in needed]
    for path in swept:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return len(swept)


def _last_change(path: Path) -> float:
    """Seconds since 1970; that of now for what somebody else removed meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return timezone.now().timestamp()


def forget_failed_sources() -> int:
    """Sources of videos that failed 14 days ago and were not tried again. Returns how many."""
    old = Video.objects.filter(
        processing_status=ProcessingStatus.FAILED,
        updated_at__lt=timezone.now() - KEEP_FAILED_SOURCE,
    ).exclude(source_path="")
    forgotten = 0
    for video in list(old):
        # Not one that is tried again since the list was read.
        if old.filter(pk=video.pk).update(source_path=""):
            remove_files([video.source_path])
            forgotten += 1
    return forgotten
