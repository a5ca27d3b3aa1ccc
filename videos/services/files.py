"""Work folders, and the sweeps over what killed processes and restored databases leave.

Nothing here deletes a stored file. What a row asks for is removed by videos.services.removals; what
no row knows is moved aside by videos.services.set_aside. Work folders are working copies.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from clipset.lib.durable import sync
from siteconfig.roots import (
    ORIGINALS,
    TEMP,
    THUMBNAILS,
    checked_root,
    is_available,
    root_path,
    unavailable_roots,
)
from siteconfig.services.config import current_config
from siteconfig.services.heartbeat import alive_before
from videos.models import (
    Job,
    JobState,
    Removal,
    RemovalReason,
    Rendition,
    Upload,
    UploadState,
    Video,
)
from videos.services.processing.work_folders import work_folder
from videos.services.removals import request_removals
from videos.services.set_aside import set_aside
from videos.services.stored_files import (
    UPLOAD_FOLDER,
    StoredFile,
    files_of_row,
    names_in,
    published_files,
    small_of,
    stored_path,
)
from videos.services.uploads.expire import is_whole_after_all
from videos.transcode.publish import copy_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

# What the sweep may touch, whatever else somebody keeps in that folder.
OURS = re.compile(r"upload-[0-9a-f]{32}|job-\d+|(samples|picture)-.+")
# What the tables do not know at all is not touched before this age.
MIN_AGE = timedelta(minutes=30)
# Nor what they should name and do not, before this one.
UNNAMED_AGE = timedelta(minutes=1)
# For how long after the end of a video's work what killed attempts left of it is looked for.
STRAYS_FOR = timedelta(days=1)
MAX_PRUNED_AT_ONCE: Final = 500

UNKNOWN_UPLOAD: Final = "No upload and no video names this folder."
STRAY: Final = "The row of its video does not name this file."
NO_THUMBNAIL: Final = "The thumbnail that this small one was made of is not there."


def files_of(video: Video) -> list[StoredFile]:
    """Every file that a video has now. One query, for its renditions."""
    renditions = Rendition.objects.filter(video=video.pk).values_list("root", "filename")
    return list(dict.fromkeys([*files_of_row(video), *(StoredFile(*row) for row in renditions)]))


def paths_of(video: Video) -> list[str]:
    """Where these files are on this host. One query."""
    return [str(stored_path(*file)) for file in files_of(video)]


def files_named_after(video_id: UUID) -> list[StoredFile]:
    """What the published roots hold under the video's name, of whatever attempt."""
    return published_files({video_id}).get(video_id, [])


def remove_unpublished(video_id: UUID, placed: Iterable[Path]) -> None:
    """Removes what this process has placed just now and failed to publish, unless the video's row
    names it after all: the answer to a COMMIT may have been lost."""
    video = Video.objects.filter(pk=video_id).first()
    kept = set(paths_of(video)) if video else set()
    for path in placed:
        if str(path) not in kept:
            path.unlink(missing_ok=True)


def set_strays_aside(video_id: UUID, files: Iterable[StoredFile]) -> int:
    """Sets aside those of the files that the video's row, as it stands now, does not name.
    Returns how many."""
    video = Video.objects.filter(pk=video_id).first()
    if video is None:
        return 0  # what was asked for when it was deleted covers all that carries its name
    kept = set(files_of(video))
    asked = set(Removal.objects.filter(video_id=video_id).values_list("root", "key"))
    strays = [file for file in files if file not in kept and file not in asked]
    return sum(set_aside(file, why=STRAY, video_id=video_id) for file in strays)


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
    """Clears the temp folder of work folders that nobody works in, asks for the removal of ended
    uploads, and sets aside the folders of uploads that no row knows. Returns how many folders it
    dealt with.

    All is listed before the rows are read, so that what is begun meanwhile is not in the list.
    """
    if not is_available(TEMP):
        return 0
    temp = root_path(TEMP)
    ours = [temp / name for name in names_in(temp) if OURS.fullmatch(name)]
    aged = [(path, _last_change(path)) for path in ours]
    attempts = {path: _inside(path) for path in ours if path.name.startswith("job-")}
    swept = _sweep_attempts(attempts)
    running = Job.objects.filter(state=JobState.RUNNING).values_list("pk", flat=True)
    needed = {f"job-{pk}" for pk in running}
    now = timezone.now()
    for path, changed in aged:
        if UPLOAD_FOLDER.fullmatch(path.name) or path.name in needed:
            continue
        if changed < (now - MIN_AGE).timestamp() and path.exists():
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    before = (now - UNNAMED_AGE).timestamp()
    old = [
        path for path, changed in aged if changed < before and UPLOAD_FOLDER.fullmatch(path.name)
    ]
    return swept + _sweep_uploads(old)


def _sweep_uploads(folders: list[Path]) -> int:
    """An upload whose row says that it ended is removed. A folder that no row knows may be of an
    upload that is newer than a restored database."""
    if not folders:
        return 0
    ids = {UUID(path.name.removeprefix("upload-")): path for path in folders}
    uploads = Upload.objects.in_bulk(list(ids))
    sources = Video.objects.filter(source_root=TEMP).values_list("source_key", flat=True)
    needed = {source.partition("/")[0] for source in sources}
    keys = Removal.objects.filter(root=TEMP).values_list("key", flat=True)
    needed |= {key.partition("/")[0] for key in keys}
    swept = 0
    for upload_id, path in ids.items():
        upload = uploads.get(upload_id)
        if path.name in needed or (upload and upload.is_open) or not path.exists():
            continue
        file = StoredFile(TEMP, path.name)
        if upload and upload.state == UploadState.ENDED and not is_whole_after_all(upload):
            with transaction.atomic():
                request_removals([file], reason=RemovalReason.UPLOAD_ENDED)
            swept += 1
        else:
            swept += set_aside(file, why=UNKNOWN_UPLOAD)
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
    except (FileNotFoundError, NotADirectoryError):  # removed meanwhile
        return []


def sweep_strays(*, now: datetime | None = None, spared: Callable[[UUID], bool]) -> int:
    """Sets aside what killed attempts had published of videos on which nobody works any more, and
    whose rows do not name it. Returns how many files.

    Looks at what ended within the last day; nothing is touched that was placed a moment ago, since
    whoever did may be about to name it. `spared` says whether the files of a video are to stay:
    they may be all that there is of it.
    """
    now = now or timezone.now()
    found = published_files(_lately_ended(now))
    # The rows are read after the files were listed.
    ended, named = _lately_ended(now), _names_of(found)
    before = (now - UNNAMED_AGE).timestamp()
    swept = 0
    for video_id in found.keys() & ended:
        strays = [
            file
            for file in found[video_id]
            if file.key not in named and _placed_at(stored_path(*file)) < before
        ]
        if strays and not spared(video_id):
            swept += set_strays_aside(video_id, strays)
    return swept


def sweep_small_thumbnails() -> int:
    """Sets aside small thumbnails that were made while their thumbnail was removed. Returns how
    many."""
    if not is_available(THUMBNAILS):
        return 0
    root = root_path(THUMBNAILS)
    small = _inside(small_of(root / "any").parent)
    thumbnails = {path.stem for path in _inside(root)} if small else set()
    before = (timezone.now() - MIN_AGE).timestamp()
    strays = [it for it in small if it.stem not in thumbnails and _placed_at(it) < before]
    return sum(
        set_aside(StoredFile(THUMBNAILS, f"small/{path.name}"), why=NO_THUMBNAIL) for path in strays
    )


def _lately_ended(now: datetime) -> set[UUID]:
    """Videos whose work came to an end lately, all of it."""
    ended = Job.objects.filter(finished_at__gt=now - STRAYS_FOR)
    unended = Job.objects.filter(state__in=[JobState.WAITING, JobState.RUNNING])
    return set(ended.exclude(video__in=unended.values("video")).values_list("video", flat=True))


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


def prune_originals() -> int:
    """Asks for the removal of originals older than the configuration keeps them. Returns how
    many."""
    days = current_config().keep_originals_days
    if days is None:
        return 0
    old = (
        Video.objects.filter(created_at__lt=alive_before(days=days))
        .exclude(original_key="")
        .exclude(original_root__in=unavailable_roots())
    )
    pruned = 0
    for video in list(old[:MAX_PRUNED_AT_ONCE]):
        original = StoredFile(video.original_root, video.original_key)
        with transaction.atomic():
            same = old.filter(pk=video.pk, original_key=original.key)
            if same.update(original_root="", original_key=""):
                request_removals([original], reason=RemovalReason.PRUNED, video_id=video.pk)
                pruned += 1
    return pruned
