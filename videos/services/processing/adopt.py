"""Publishes finished files again whose video's row says that it is not finished.

After an older database was put back, a row may wait for a source that was processed long ago, while
what was made of it lies where it was published. Such files are found by their names, probed, and
stored as a finished job stores its own, before anything is given up.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from siteconfig.roots import ORIGINALS, THUMBNAILS, is_available
from videos.models import Job, ProcessingStatus, Video
from videos.models.job import JobState
from videos.services.files import named_after
from videos.services.processing import jobs
from videos.services.processing.options import transcode_options
from videos.services.processing.publish import (
    Placed,
    index_new_captions,
    rendition_row,
    store_result,
)
from videos.services.stored_files import StoredFile, published_files, stored_path
from videos.transcode.caption_tracks import extract_captions
from videos.transcode.errors import ProcessingError, SourceError
from videos.transcode.fragments import NotFragmentedError, describe
from videos.transcode.media import MediaInfo
from videos.transcode.probe import probe
from videos.transcode.storyboard import plan_storyboard
from videos.transcode.types import Made, PlannedRendition, no_tick

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from videos.models import Rendition
    from videos.transcode.caption_tracks import ExtractedCaption
    from videos.transcode.fragments import Facts
    from videos.transcode.types import Tick

logger = logging.getLogger(__name__)

_RENDITION: Final = re.compile(
    r"[0-9a-f]{32}-(?P<version>[0-9a-f]{12})-(?P<name>source|\d{3,4}p)\.mp4"
)
_THUMBNAIL: Final = re.compile(r"[0-9a-f]{32}-(?P<version>[0-9a-f]{12})\.jpg")
_STORYBOARD: Final = re.compile(r"[0-9a-f]{32}-(?P<version>[0-9a-f]{12})-storyboard\.jpg")
_ORIGINAL: Final = re.compile(r"[0-9a-f]{32}-(?P<version>[0-9a-f]{12})\.\w+")
# How far the lengths of two renditions of one video may differ.
MAX_DIFFERENCE_SECONDS: Final = 0.5
# How many jobs of one video may be added for what the sweep found: each should be the last.
MAX_JOBS: Final = 20
MAX_AT_ONCE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """A published rendition that was probed and is whole. `placed_at` is in seconds since 1970."""

    file: StoredFile
    path: Path
    version: str
    name: str
    info: MediaInfo
    facts: Facts
    placed_at: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        assert self.info.video is not None  # _probed saw to it
        return self.info.video.width, self.info.video.height

    @property
    def rank(self) -> tuple[int, float]:
        """The tallest comes first, of several attempts the newest."""
        return min(self.size), self.placed_at


def adopt_published_files(job: Job, folder: Path, *, tick: Tick = no_tick) -> bool:
    """Publishes what lies finished in the published roots under the name of the job's video, and
    ends the job. False when no rendition there is whole.

    Raises LeaseLostError, and ProcessingError when a file could not be probed.
    """
    video = job.video
    if video.is_sample:
        return False
    files = named_after(video.pk)
    whole = _renditions(files, tick)
    if not whole:
        return False
    top = whole[0]
    captions = _captions(_original(files, top), folder, tick)
    placed = Placed(
        renditions=[_row(video, one) for one in whole],
        thumbnail=_newest(files, _THUMBNAIL),
        original=_original(files, top),
    )
    with transaction.atomic():
        store_result(job, placed, captions, was_copied=top.name == "source")
        _store_storyboard(video, files, placed.renditions[0])
    index_new_captions(video)
    logger.warning("video %s was published again from files of its own", video.short_id)
    return True


def adopt_unfinished_videos() -> int:
    """In the sweep: videos that are not ready, whose source is missing and on which nobody works,
    while finished files of theirs lie where they are published. Adds a job for each; a worker then
    adopts the files. Returns how many."""
    unended = Job.objects.filter(
        video=OuterRef("pk"), state__in=[JobState.WAITING, JobState.RUNNING]
    )
    unready = Video.objects.filter(is_sample=False).exclude(
        processing_status=ProcessingStatus.COMPLETED
    )
    idle = unready.filter(~Exists(unended)).only("source_root", "source_key")
    sourceless = {video.pk for video in idle if _lacks_its_source(video)}
    found = [
        video_id
        for video_id, files in published_files(sourceless).items()
        if any(_RENDITION.fullmatch(file.key) for file in files)
    ]
    return sum(_add_job(video_id) for video_id in found[:MAX_AT_ONCE])


def may_be_adopted(video_id: UUID) -> bool:
    """Whether the files of a video must stay where they are: its row says that it is not ready,
    and they may be all that there is of it."""
    return Video.objects.filter(pk=video_id).exclude(
        processing_status=ProcessingStatus.COMPLETED
    ).exists() and any(_RENDITION.fullmatch(file.key) for file in named_after(video_id))


def _lacks_its_source(video: Video) -> bool:
    """False as well while the source's root is away: it may be there."""
    if not video.source_key:
        return True
    return is_available(video.source_root) and not video.source_file.is_file()


def _add_job(video_id: UUID) -> bool:
    """The quota stays as it is: what was given back is not charged again."""
    try:
        if Job.objects.filter(video=video_id).count() >= MAX_JOBS:
            return False
        if not _renditions(named_after(video_id), no_tick):
            return False
    except (ProcessingError, OSError) as error:
        logger.warning("files of video %s could not be probed: %s", video_id, error)
        return False
    with transaction.atomic():
        video = Video.objects.select_for_update().filter(pk=video_id).first()
        if video is None or video.is_ready or jobs.open_job(video) is not None:
            return False
        Video.objects.filter(pk=video_id).update(
            processing_status=ProcessingStatus.PENDING, error_message=None
        )
        jobs.add_job(video=video)
    return True


# -- what is there --------------------------------------------------------------------------------


def _renditions(files: Iterable[StoredFile], tick: Tick) -> list[_Whole]:
    """Those that are whole and belong together, the largest first: the tallest one, what the same
    attempt made, and smaller ones of the same length that a later one added."""
    probed = [
        one
        for file in files
        if (found := _RENDITION.fullmatch(file.key))
        and (one := _probed(file, found["version"], found["name"], tick))
    ]
    if not probed:
        return []
    top = max(probed, key=lambda one: one.rank)
    length = top.info.duration_seconds
    chosen = {top.name: top}
    for one in sorted(probed, key=lambda one: (one.version == top.version, one.placed_at))[::-1]:
        is_smaller = min(one.size) < min(top.size)
        is_as_long = abs(one.info.duration_seconds - length) <= MAX_DIFFERENCE_SECONDS
        if is_smaller and is_as_long:
            chosen.setdefault(one.name, one)
    return sorted(chosen.values(), key=lambda one: one.rank, reverse=True)


def _probed(file: StoredFile, version: str, name: str, tick: Tick) -> _Whole | None:
    """None for what is damaged, cut short or not what browsers play."""
    path = stored_path(*file)
    try:
        info = probe(path, options=transcode_options(accepted=("mp4",)), tick=tick)
        facts = describe(path)
        placed_at = path.stat().st_mtime
    except (SourceError, NotFragmentedError, FileNotFoundError) as error:
        logger.info("%s is not whole: %s", path.name, error)
        return None
    video, audio = info.video, info.audio
    if not info.whole or video is None or video.codec != "h264" or not video.frames:
        return None
    if audio is not None and audio.codec != "aac":
        return None
    return _Whole(
        file=file,
        path=path,
        version=version,
        name=name,
        info=info,
        facts=facts,
        placed_at=placed_at,
    )


def _row(video: Video, one: _Whole) -> Rendition:
    assert one.info.video is not None  # _probed saw to it
    width, height = one.size
    planned = PlannedRendition(
        name=one.name, width=width, height=height, bandwidth=one.facts.bandwidth, encoding=None
    )
    made = Made(
        rendition=planned,
        path=one.path,
        width=width,
        height=height,
        fps=one.info.video.fps,
        duration_seconds=one.info.duration_seconds,
        size_bytes=one.info.size_bytes,
    )
    root, filename = one.file
    return rendition_row(
        video, made, root=root, filename=filename, version=one.version, facts=one.facts
    )


def _newest(files: Iterable[StoredFile], name: re.Pattern[str]) -> Path | None:
    """In the root of thumbnails, that Pillow can read to its end."""
    from PIL import Image  # the web server does without it

    paths = [
        stored_path(*file) for file in files if file.root == THUMBNAILS and name.fullmatch(file.key)
    ]
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
        with suppress(OSError, ValueError, SyntaxError), Image.open(path) as image:
            image.load()
            return path
    return None


def _original(files: Iterable[StoredFile], top: _Whole) -> Path | None:
    """What the attempt kept of its source; nothing for a copy."""
    for file in files:
        found = _ORIGINAL.fullmatch(file.key)
        if file.root == ORIGINALS and found and found["version"] == top.version:
            return stored_path(*file)
    return None


def _captions(original: Path | None, folder: Path, tick: Tick) -> tuple[ExtractedCaption, ...]:
    """Of the original, where one was kept: what is published holds no subtitles."""
    if original is None:
        return ()
    options = transcode_options()
    with suppress(SourceError):
        info = probe(original, options=options, tick=tick)
        return extract_captions(original, info, folder, options=options, tick=tick)
    return ()


def _store_storyboard(video: Video, files: Iterable[StoredFile], top: Rendition) -> None:
    """In the fenced transaction: the newest sheet that has the size its plan says."""
    grid = plan_storyboard(top.width, top.height, top.duration_seconds)
    sheet = _newest(files, _STORYBOARD)
    if sheet is None:
        return
    from PIL import Image  # the web server does without it

    with Image.open(sheet) as image:
        if image.size != (grid.columns * grid.tile_width, grid.rows * grid.tile_height):
            return
    Video.objects.filter(pk=video.pk).update(
        storyboard_filename=sheet.name, storyboard_root=THUMBNAILS, storyboard_grid=asdict(grid)
    )
