"""The files of a video, and the sweeps after killed processes and restored databases.

Nothing here deletes a stored file that a row may name: videos.services.removing removes files that
a row of `removals` asks for, and videos.services.set_aside moves files aside that no row names.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from clipset.lib.durable import sync
from clipset.lib.work_folder import clear_away
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
from videos.services.stored_total import count_stored
from videos.services.uploads.expire import is_whole_after_all
from videos.transcode.formats import extension_by_contents
from videos.transcode.publish import copy_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

# Folders in the temp folder that the sweep may remove; anything else there is not the site's.
OURS = re.compile(r"upload-[0-9a-f]{32}|job-\d+|(samples|picture|original)-.+")
# Folders without any row are not touched before this age.
MIN_AGE = timedelta(minutes=30)
# Files and folders of known videos and uploads that no row names are not touched before this age.
UNNAMED_AGE = timedelta(minutes=1)
# How long after the end of its last job a video's published files are checked for strays.
STRAYS_FOR = timedelta(days=1)
MAX_PRUNED_AT_ONCE: Final = 500

UNKNOWN_UPLOAD: Final = "No upload and no video names this folder."
STRAY: Final = "The row of its video does not name this file."
NO_THUMBNAIL: Final = "The thumbnail that this small one was made of is not there."


def files_of(video: Video) -> list[StoredFile]:
    """Every file that the rows of a video name. One query, for its renditions."""
    renditions = Rendition.objects.filter(video=video.pk).values_list("root", "filename")
    return list(dict.fromkeys([*files_of_row(video), *(StoredFile(*row) for row in renditions)]))


def paths_of(video: Video) -> list[str]:
    """The absolute paths of the video's files on this host. One query."""
    return [str(stored_path(*file)) for file in files_of(video)]


def files_named_after(video_id: UUID) -> list[StoredFile]:
    """The files in the published roots whose names begin with the video's id, of any attempt."""
    return published_files({video_id}).get(video_id, [])


def remove_unpublished(video_id: UUID, placed: Iterable[Path]) -> None:
    """Removes files that this process placed and could not publish, unless the video's row names
    them after all: a COMMIT may have succeeded although its answer was lost."""
    video = Video.objects.filter(pk=video_id).first()
    kept = set(paths_of(video)) if video else set()
    for path in placed:
        if str(path) not in kept:
            path.unlink(missing_ok=True)


def set_strays_aside(video_id: UUID, files: Iterable[StoredFile]) -> int:
    """Sets aside those of the files that the video's row does not name now. Returns how many."""
    return sum(_set_stray_aside(video_id, file) for file in _unnamed(video_id, files))


def _unnamed(video_id: UUID, files: Iterable[StoredFile]) -> list[StoredFile]:
    """Those of the files that no row of the video names, and whose removal is not requested."""
    video = Video.objects.filter(pk=video_id).first()
    if video is None:
        return []  # its removal covers all files whose names begin with its id
    kept = set(files_of(video))
    asked = set(Removal.objects.filter(video_id=video_id).values_list("root", "key"))
    return [file for file in files if file not in kept and file not in asked]


def _set_stray_aside(video_id: UUID, file: StoredFile) -> bool:
    """Sets a file aside while the video's row is locked: whoever publishes another file of the
    video locks it as well, and publishes only files that are there."""
    with transaction.atomic():
        list(Video.objects.select_for_update().filter(pk=video_id).values_list("pk"))
        return bool(_unnamed(video_id, [file])) and set_aside(file, why=STRAY, video_id=video_id)


def _suffix_by_contents(source: Path) -> str:
    with source.open("rb") as file:
        return f".{extension_by_contents(file.read(64))}"


def keep_original(source: Path, *, stem: str, tick: Callable[[], None]) -> Path:
    """Links the source into the root of originals, or copies it to another disk. The source itself
    stays until the result is stored. Returns the original's path.

    Raises: RootUnavailableError.
    """
    folder = checked_root(ORIGINALS)
    target = folder / f"{stem}{source.suffix or _suffix_by_contents(source)}"
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target, tick=tick)
    sync(folder)
    return target


def sweep_temp() -> int:
    """Clears the temp folder: removes work folders without a running job, requests the removal of
    ended uploads, and sets aside the folders of uploads that have no row. Returns how many folders.

    The folder is listed before the rows are read, so that work which starts meanwhile is not
    listed.
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
            clear_away(path)
            swept += 1
    before = (now - UNNAMED_AGE).timestamp()
    old = [
        path for path, changed in aged if changed < before and UPLOAD_FOLDER.fullmatch(path.name)
    ]
    return swept + _sweep_uploads(old)


def _sweep_uploads(folders: list[Path]) -> int:
    """Requests the removal of folders whose upload ended, and sets aside folders without a row:
    such an upload may be newer than a restored database. Returns how many."""
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
    """Removes the folders of attempts that are over according to the job's row, at any age. Returns
    of how many jobs no folder is left."""
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
                clear_away(attempt)
        if job.state != JobState.RUNNING:
            with suppress(OSError):  # the next attempt has just started
                path.rmdir()
                swept += 1
    return swept


def _inside(folder: Path) -> list[Path]:
    """The folder's entries; none if it was removed meanwhile."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def sweep_strays(*, now: datetime | None = None, spared: Callable[[UUID], bool]) -> int:
    """Sets aside published files of killed attempts: no row names them, and their videos have no
    open job. Returns how many files.

    Covers videos whose last job ended within a day. A file that was placed a moment ago is left
    alone, since a worker may be about to name it. `spared` says whether the files of a video must
    stay, since they may be all that is left of it.
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
    """Sets aside small thumbnails whose thumbnail was removed while they were made. Returns how
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
    """Videos of which a job ended lately and that have no open one."""
    ended = Job.objects.filter(finished_at__gt=now - STRAYS_FOR)
    unended = Job.objects.filter(state__in=[JobState.WAITING, JobState.RUNNING])
    return set(ended.exclude(video__in=unended.values("video")).values_list("video", flat=True))


def _names_of(video_ids: Iterable[UUID]) -> set[str]:
    """The names of all published files of these videos. Two queries."""
    columns = ("filename", "thumbnail_filename", "storyboard_filename", "original_key")
    videos = Video.objects.filter(pk__in=video_ids).values_list(*columns)
    renditions = Rendition.objects.filter(video__in=video_ids).values_list("filename", flat=True)
    return {Path(name).name for names in videos for name in names if name} | set(renditions)


def _placed_at(path: Path) -> float:
    """The time at which the name was created, in seconds since 1970; now for a missing file."""
    try:
        return path.stat().st_ctime
    except FileNotFoundError:
        return timezone.now().timestamp()


def _last_change(path: Path) -> float:
    """The time of the last change, in seconds since 1970; now for a missing file."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return timezone.now().timestamp()


def prune_originals() -> int:
    """Requests the removal of originals older than the configuration keeps them. Returns how
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
    members: set[UUID] = set()
    for video in list(old[:MAX_PRUNED_AT_ONCE]):
        original = StoredFile(video.original_root, video.original_key)
        with transaction.atomic():
            same = old.filter(pk=video.pk, original_key=original.key)
            if same.update(original_root="", original_key=""):
                request_removals([original], reason=RemovalReason.PRUNED, video_id=video.pk)
                pruned += 1
                members.add(video.uploaded_by_id)
    count_stored(members)
    return pruned
