"""Files of videos on disk: what belongs to whom, and what nobody needs any more."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from clipset.lib.durable import sync
from siteconfig.roots import (
    ORIGINALS,
    TEMP,
    THUMBNAILS,
    RootUnavailableError,
    checked_root,
    is_available,
    root_path,
    unavailable_roots,
    within_reach,
)
from siteconfig.services.config import current_config, current_video_root
from videos.models import Job, ProcessingStatus, Rendition, Upload, UploadState, Video
from videos.models.job import JobState
from videos.transcode.publish import copy_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

# What the sweep may touch, whatever else somebody keeps in that folder.
OURS = re.compile(r"upload-[0-9a-f]{32}|job-\d+|(samples|picture)-.+")
KEEP_FAILED_SOURCE = timedelta(days=14)
# What the tables do not know at all is not touched before this age.
MIN_AGE = timedelta(minutes=30)
# Nor what they should name and do not, before this one.
UNNAMED_AGE = timedelta(minutes=1)
# For how long after the end of a video's work what killed attempts left of it is looked for.
STRAYS_FOR = timedelta(days=1)


def paths_of(video: Video) -> list[str]:
    """Every file that a video has now, by its absolute path on this host. One query, for its
    renditions."""
    paths = [video.source_file] if video.source_key else []
    paths += [video.original_file] if video.original_key else []
    paths += [video.file_path] if video.storage_root else []
    paths += [path for path in (video.thumbnail_path, video.storyboard_path) if path]
    paths += [rendition.path for rendition in Rendition.objects.filter(video=video.pk)]
    return list(dict.fromkeys(map(str, paths)))


def small_of(picture: Path) -> Path:
    """Where the small one of a video's picture lies, once a list has shown it."""
    return picture.parent / "small" / f"{picture.stem}.webp"


def remove_files(paths: Iterable[str | Path]) -> None:
    """Removes files, and the folder of a source below the temp folder with them. Missing ones
    are fine: it may run twice. What lies in a root that is not available stays."""
    temp = root_path(TEMP)
    for path in within_reach(map(Path, paths)):
        path.unlink(missing_ok=True)
        small_of(path).unlink(missing_ok=True)
        if path.parent.parent == temp:
            shutil.rmtree(path.parent, ignore_errors=True)


def remove_unowned(video_id: UUID, paths: Iterable[str]) -> None:
    """Removes files of deleted rows, unless a row names them again by now: sample videos get the
    same names each time they are made.

    Of a deleted video also what has its name besides: a worker may have published it after its
    row was read for the deletion.
    """
    paths = set(paths)
    if not Video.objects.filter(pk=video_id).exists():
        paths |= set(map(str, named_after(video_id)))
    names = {Path(path).name for path in paths}
    keys = {f"{Path(path).parent.name}/{Path(path).name}" for path in paths}  # of sources
    owners = Video.objects.filter(
        Q(filename__in=names)
        | Q(thumbnail_filename__in=names)
        | Q(storyboard_filename__in=names)
        | Q(renditions__filename__in=names)
        | Q(source_key__in=keys)
        | Q(original_key__in=names)
    )
    owned = {path for video in owners for path in paths_of(video)}
    remove_files(path for path in paths if path not in owned)


def work_folder(job: Job) -> Path:
    """Where one attempt works. Its number and the lease's token keep attempts apart."""
    return root_path(TEMP) / work_key(job)


def work_key(job: Job) -> str:
    """The same, relative to the root `temp`."""
    return f"job-{job.pk}/{job.attempts:06}-{job.lease_owner}"


def enter_work_folder(folder: Path) -> None:
    """An empty folder for this attempt. What attempts before it left there goes; not what later
    ones have, which may be at work while this one does not know yet that it lost the job.

    Raises: RootUnavailableError.
    """
    checked_root(TEMP)
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    for other in folder.parent.iterdir():
        if other.name < folder.name:
            shutil.rmtree(other, ignore_errors=True)


def leave_work_folder(folder: Path) -> None:
    """Removes this attempt's folder and nothing else: by now somebody else may have the job."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # not empty, or never made
        folder.parent.rmdir()


def file_stem(job: Job) -> str:
    """The name that one attempt's files carry: only one attempt's name is ever stored."""
    return f"{job.video_id.hex}-{version_of(job)}"


def version_of(job: Job, *, begun_anew: bool = False) -> str:
    """Of what this attempt makes; addresses carry it. Another one when it began once more."""
    return job.lease_owner[12:24] if begun_anew else job.lease_owner[:12]


def named_after(video_id: UUID) -> list[Path]:
    """What lies where files are published now and carries the video's name, of whatever attempt."""
    # With a dot in front: a copy to another disk that was cut off.
    patterns = (f"{video_id.hex}-*", f".{video_id.hex}-*")
    return [
        path for root in _published_roots() for pattern in patterns for path in root.glob(pattern)
    ]


def _published_roots() -> set[Path]:
    """Those that are available on this host."""
    names = [THUMBNAILS, ORIGINALS]
    with suppress(RootUnavailableError):  # of a path that no root has
        names.append(current_video_root())
    return {root_path(name) for name in names if is_available(name)}


def remove_unnamed(video_id: UUID, paths: Iterable[Path]) -> None:
    """Removes those of the files that the video's row, as it stands now, does not name."""
    video = Video.objects.filter(pk=video_id).first()
    kept = set(paths_of(video)) if video else set()
    remove_files(path for path in paths if str(path) not in kept)


def keep_original(source: Path, *, stem: str, tick: Callable[[], None]) -> Path:
    """A second name for the file as it was sent, in the folder of originals; a copy where that
    lies on another disk. The source itself stays until the result is stored.

    Raises: RootUnavailableError.
    """
    folder = checked_root(ORIGINALS)
    target = folder / f"{stem}{source.suffix}"
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target, tick=tick)
    sync(folder)
    return target


def sweep_temp() -> int:
    """Removes from the temp folder what belongs to no upload, no attempt that runs and no video.
    Returns how many folders went.

    All is listed before the rows are read, so that what is begun meanwhile is not in the list.
    """
    if not is_available(TEMP):
        return 0
    temp = root_path(TEMP)
    ours = [(path, _last_change(path)) for path in temp.iterdir() if OURS.fullmatch(path.name)]
    attempts = {path: _inside(path) for path, _ in ours if path.name.startswith("job-")}
    swept = _sweep_attempts(attempts)
    on_their_way = Upload.objects.filter(state=UploadState.OPEN, root=TEMP)
    needed = {upload.folder_name for upload in on_their_way.only("pk")}
    sources = Video.objects.filter(source_root=TEMP).values_list("source_key", flat=True)
    needed |= {source.partition("/")[0] for source in sources}
    needed |= {
        f"job-{pk}"
        for pk in Job.objects.filter(state=JobState.RUNNING).values_list("pk", flat=True)
    }
    now = timezone.now()
    for path, changed in ours:
        least = UNNAMED_AGE if path.name.startswith("upload-") else MIN_AGE
        if path.name in needed or changed >= (now - least).timestamp() or not path.exists():
            continue
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        swept += 1
    return swept


def _sweep_attempts(attempts: dict[Path, list[Path]]) -> int:
    """Removes the folders of attempts that are over, whatever their age: the job's row says so.
    Returns how many jobs are left without any."""
    if not attempts:
        return 0
    jobs = Job.objects.in_bulk([int(path.name.removeprefix("job-")) for path in attempts])
    swept = 0
    for path, inside in attempts.items():
        job = jobs.get(int(path.name.removeprefix("job-")))
        if job is None:
            continue
        for attempt in inside:
            if job.state != JobState.RUNNING or attempt != work_folder(job):
                shutil.rmtree(attempt, ignore_errors=True)
        if job.state != JobState.RUNNING:
            with suppress(OSError):  # somebody has just begun the next attempt
                path.rmdir()
                swept += 1
    return swept


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # removed meanwhile
        return []


def sweep_strays(*, now: datetime | None = None) -> int:
    """Removes what killed attempts had published of videos on which nobody works any more, and
    whose rows do not name it. Returns how many files went.

    Looks at what ended within the last day; nothing is touched that was placed a moment ago, since
    whoever did may be about to name it.
    """
    now = now or timezone.now()
    found = _published_of(_lately_ended(now))
    # The rows are read after the files were listed.
    ended, named = _lately_ended(now), _names_of(found)
    before = (now - UNNAMED_AGE).timestamp()
    swept = 0
    for video_id in found.keys() & ended:
        strays = [it for it in found[video_id] if it.name not in named and _placed_at(it) < before]
        if strays:
            remove_unnamed(video_id, strays)
            swept += sum(not path.exists() for path in strays)
    return swept


def sweep_small_thumbnails() -> int:
    """Removes small pictures that were made while their picture was removed. Returns how many."""
    if not is_available(THUMBNAILS):
        return 0
    root = root_path(THUMBNAILS)
    small = _inside(small_of(root / "any").parent)
    pictures = {path.stem for path in _inside(root)} if small else set()
    before = (timezone.now() - MIN_AGE).timestamp()
    strays = [it for it in small if it.stem not in pictures and _placed_at(it) < before]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def _lately_ended(now: datetime) -> set[UUID]:
    """Videos whose work came to an end lately, all of it."""
    ended = Job.objects.filter(finished_at__gt=now - STRAYS_FOR)
    unended = Job.objects.filter(state__in=[JobState.WAITING, JobState.RUNNING])
    return set(ended.exclude(video__in=unended.values("video")).values_list("video", flat=True))


def _published_of(video_ids: set[UUID]) -> dict[UUID, list[Path]]:
    """What lies where files are published and carries the name of one of these videos. Each folder
    is read once, however many there are."""
    found: dict[UUID, list[Path]] = {}
    by_name = {video_id.hex: video_id for video_id in video_ids}
    for root in _published_roots() if by_name else ():
        for path in _inside(root):
            video_id = by_name.get(path.name.removeprefix(".").partition("-")[0])
            if video_id is not None:
                found.setdefault(video_id, []).append(path)
    return found


def _names_of(video_ids: Iterable[UUID]) -> set[str]:
    """The names of all that these videos have where files are published. Two queries."""
    columns = ("filename", "thumbnail_filename", "storyboard_filename", "original_key")
    videos = Video.objects.filter(pk__in=video_ids).values_list(*columns)
    renditions = Rendition.objects.filter(video__in=video_ids).values_list("filename", flat=True)
    return {Path(name).name for names in videos for name in names if name} | set(renditions)


def _placed_at(path: Path) -> float:
    """When the name was made, in seconds since 1970; that of now for what is gone."""
    try:
        return path.stat().st_ctime
    except FileNotFoundError:
        return timezone.now().timestamp()


def _last_change(path: Path) -> float:
    """Seconds since 1970; that of now for what somebody else removed meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return timezone.now().timestamp()


def forget_failed_sources() -> int:
    """Sources of videos that failed 14 days ago and were not tried again. Returns how many."""
    old = (
        Video.objects.filter(
            processing_status=ProcessingStatus.FAILED,
            updated_at__lt=timezone.now() - KEEP_FAILED_SOURCE,
        )
        .exclude(source_key="")
        .exclude(source_root__in=unavailable_roots())
    )
    forgotten = 0
    for video in list(old):
        # Not one that is tried again since the list was read.
        if old.filter(pk=video.pk).update(source_root="", source_key=""):
            remove_files([video.source_file])
            forgotten += 1
    return forgotten


def prune_originals() -> int:
    """Originals older than the configuration keeps them. Returns how many."""
    days = current_config().keep_originals_days
    if days is None:
        return 0
    old = (
        Video.objects.filter(created_at__lt=timezone.now() - timedelta(days=days))
        .exclude(original_key="")
        .exclude(original_root__in=unavailable_roots())
    )
    pruned = 0
    for video in list(old):
        kept = old.filter(pk=video.pk, original_key=video.original_key)
        if kept.update(original_root="", original_key=""):
            remove_files([video.original_file])
            pruned += 1
    return pruned
