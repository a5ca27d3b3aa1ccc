"""Adopting published files: publishes finished files whose video's row is not finished.

After an older database was restored, a row may wait for a source that was processed long ago, while
its renditions are still in the published roots. Such files are found by their names, probed, and
stored as the result of a job, before the video is given up.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from clipset.lib.pictures import PictureError, whole_size
from siteconfig.roots import ORIGINALS, THUMBNAILS, is_available
from videos.filenames import COPY, ORIGINAL_QUALITY, PublishedName
from videos.models import Job, ProcessingStatus, Video
from videos.services.files import files_named_after
from videos.services.processing import jobs
from videos.services.processing.options import transcode_options
from videos.services.processing.publish import (
    Placed,
    complete_published,
    store_result,
)
from videos.services.processing.rendition_rows import rendition_row
from videos.services.stored_files import StoredFile, published_files, stored_path
from videos.transcode.caption_tracks import extract_captions
from videos.transcode.errors import (
    NotFragmentedError,
    ProcessingError,
    SourceError,
    UnfitCopyError,
)
from videos.transcode.fragment_starts import has_independent_fragments
from videos.transcode.fragments import describe
from videos.transcode.media import MediaInfo
from videos.transcode.original import ORIGINAL_CODECS, ORIGINAL_SOUNDS
from videos.transcode.probe import probe
from videos.transcode.results import Made
from videos.transcode.sound_tracks import sound_tracks
from videos.transcode.storyboard import plan_storyboard
from videos.transcode.types import NEARLY_DONE, PlannedRendition, no_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from videos.models import Rendition
    from videos.transcode.caption_tracks import ExtractedCaption
    from videos.transcode.fragments import Facts
    from videos.transcode.types import Tick

logger = logging.getLogger(__name__)

# The most by which the lengths of two renditions of one video may differ.
MAX_DIFFERENCE_SECONDS: Final = 0.5
# Of one video. The sweep adds no more, should its jobs never end with the video being published.
MAX_JOBS: Final = 20
MAX_AT_ONCE: Final = 5  # jobs that one sweep adds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """A published rendition that was probed and is whole. `placed_at` is in seconds since 1970."""

    file: StoredFile
    path: Path
    version: str
    name: str  # of the rendition
    info: MediaInfo
    facts: Facts
    placed_at: float
    is_independent: bool  # Rendition.has_independent_fragments

    @property
    def is_original_quality(self) -> bool:
        return self.name == ORIGINAL_QUALITY

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        assert self.info.video is not None  # checked by _probed
        return self.info.video.width, self.info.video.height

    @property
    def rank(self) -> tuple[int, float]:
        """The key for sorting: the short side, then the age."""
        return min(self.size), self.placed_at


def adopt_published_files(job: Job, folder: Path, *, tick: Tick = no_tick) -> bool:
    """Publishes the finished files of the job's video and ends the job. False when no rendition is
    whole.

    Raises: LeaseLostError; ProcessingError when a file could not be probed.
    """
    video = job.video
    if video.is_sample:
        return False
    files = files_named_after(video.pk)
    whole = _renditions(files, tick)
    if not whole:
        return False
    top = whole[0]
    captions = _captions(_original(files, top), folder, tick)
    placed = Placed(
        renditions=[_row(video, one) for one in whole],
        thumbnail=_newest(files, lambda name: name.is_thumbnail),
        original=_original(files, top),
    )
    storyboard = _storyboard(files, placed.renditions[0])
    with transaction.atomic():
        store_result(
            job,
            placed,
            captions,
            was_copied=top.name == COPY,
            note=video.processing_note,
        )
        if storyboard:
            Video.objects.filter(pk=video.pk).update(**storyboard)
    complete_published(video)
    logger.warning("video %s was published again from files of its own", video.short_id)
    return True


def adopt_unfinished_videos() -> int:
    """Adds a job for each unready video that has finished files, but neither a source nor a job; a
    worker then adopts the files. Called by the sweep. Returns how many jobs were added."""
    unended = Job.objects.filter(video=OuterRef("pk"), state__in=jobs.UNFINISHED)
    unready = Video.objects.filter(is_sample=False).exclude(
        processing_status=ProcessingStatus.COMPLETED
    )
    idle = unready.filter(~Exists(unended)).only("source_root", "source_key")
    sourceless = {video.pk for video in idle if _lacks_its_source(video)}
    found = [
        video_id
        for video_id, files in published_files(sourceless).items()
        if any(_is_rendition(file) for file in files)
    ]
    return sum(_add_job(video_id) for video_id in found[:MAX_AT_ONCE])


def may_be_adopted(video_id: UUID) -> bool:
    """Whether the files of a video must stay where they are, since the video is not ready and they
    may be all that is left of it."""
    unready = Video.objects.filter(pk=video_id).exclude(
        processing_status=ProcessingStatus.COMPLETED
    )
    return unready.exists() and any(_is_rendition(file) for file in files_named_after(video_id))


def _is_rendition(file: StoredFile) -> bool:
    name = PublishedName.of(file.key)
    return name is not None and name.is_rendition


def _lacks_its_source(video: Video) -> bool:
    """Whether the video's source is gone. False while its root is away, since the source may be
    there."""
    if not video.source_key:
        return True
    return is_available(video.source_root) and not video.source_file.is_file()


def _add_job(video_id: UUID) -> bool:
    """Adds a job if the video's files can be adopted. The quota stays as it is: what was released
    is not charged again."""
    try:
        if Job.objects.filter(video=video_id).count() >= MAX_JOBS:
            return False
        if not _renditions(files_named_after(video_id), no_tick):
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


# -- finding the files ----------------------------------------------------------------------------


def _renditions(files: Iterable[StoredFile], tick: Tick) -> list[_Whole]:
    """Whole renditions that belong together, the tallest first.

    These are the tallest one that all browsers play, smaller ones of the same attempt, smaller ones
    of the same length that a later attempt added, and the one in original quality.
    """
    probed = [
        one
        for file in files
        if (name := PublishedName.of(file.key))
        and name.is_rendition
        and (one := _probed(file, name, tick))
    ]
    for_all = [one for one in probed if not one.is_original_quality]
    if not for_all:
        return []
    top = max(for_all, key=lambda one: one.rank)
    length = top.info.duration_seconds
    # Of several sounds, smaller renditions have none.
    sounds = len(top.info.sounds) if len(top.info.sounds) < 2 else 0
    chosen = {top.name: top}
    for one in sorted(probed, key=lambda one: (one.version == top.version, one.placed_at))[::-1]:
        has_place = one.is_original_quality or min(one.size) < min(top.size)
        is_as_long = abs(one.info.duration_seconds - length) <= MAX_DIFFERENCE_SECONDS
        heard = len(top.info.sounds) if one.is_original_quality else sounds
        fits = has_place and is_as_long and len(one.info.sounds) == heard
        if fits and not (one.is_original_quality and top.name == COPY):
            chosen.setdefault(one.name, one)
    return sorted(
        chosen.values(),
        key=lambda one: (not one.is_original_quality, one.rank),
        reverse=True,
    )


def _probed(file: StoredFile, name: PublishedName, tick: Tick) -> _Whole | None:
    """None for a file that is damaged, cut short or not playable in browsers."""
    path, is_independent = stored_path(*file), True
    is_original = name.part == ORIGINAL_QUALITY
    try:
        info = probe(
            path, options=transcode_options(accepted=("mp4",)), tick=tick, reads_frames=False
        )
        facts = describe(path)
        placed_at = path.stat().st_mtime
        if is_original and info.video:
            is_independent = has_independent_fragments(
                path, info.video.codec, tick=partial(tick, NEARLY_DONE)
            )
    except (SourceError, NotFragmentedError, UnfitCopyError, FileNotFoundError) as error:
        logger.info("%s is not whole: %s", path.name, error)
        return None
    video = info.video
    if not info.whole or video is None or not video.frames:
        return None
    pictures, sounds = (ORIGINAL_CODECS, ORIGINAL_SOUNDS) if is_original else ({"h264"}, {"aac"})
    if video.codec not in pictures or any(one.codec not in sounds for one in info.sounds):
        return None
    return _Whole(
        file=file,
        path=path,
        version=name.version,
        name=name.part,
        info=info,
        facts=facts,
        placed_at=placed_at,
        is_independent=is_independent,
    )


def _row(video: Video, one: _Whole) -> Rendition:
    """The row of an adopted rendition, unsaved."""
    assert one.info.video is not None  # checked by _probed
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
        sounds=sound_tracks(one.info.sounds),
        hdr=one.info.video.hdr,
    )
    root, filename = one.file
    row = rendition_row(
        video, made, root=root, filename=filename, version=one.version, facts=one.facts
    )
    row.has_independent_fragments = one.is_independent
    return row


def _newest(
    files: Iterable[StoredFile],
    is_wanted: Callable[[PublishedName], bool],
    size: tuple[int, int] | None = None,
) -> Path | None:
    """The newest wanted image in the root of thumbnails that can be decoded to its end."""
    paths = [
        stored_path(*file)
        for file in files
        if file.root == THUMBNAILS and (name := PublishedName.of(file.key)) and is_wanted(name)
    ]
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
        with suppress(OSError, PictureError), path.open("rb") as picture:
            if size in {None, whole_size(picture)}:
                return path
    return None


def _original(files: Iterable[StoredFile], top: _Whole) -> Path | None:
    """The original that the attempt kept. There is none of a copied video."""
    for file in files:
        name = PublishedName.of(file.key)
        if file.root == ORIGINALS and name and not name.part and name.version == top.version:
            return stored_path(*file)
    return None


def _captions(original: Path | None, folder: Path, tick: Tick) -> tuple[ExtractedCaption, ...]:
    """Captions from the original, if one was kept: published files hold no subtitles."""
    if original is None:
        return ()
    options = transcode_options()
    with suppress(SourceError):
        info = probe(original, options=options, tick=tick)
        return extract_captions(original, info, folder, options=options, tick=tick)
    return ()


def _storyboard(files: Iterable[StoredFile], top: Rendition) -> dict[str, Any]:
    """The fields of the newest storyboard that has the size that its plan says; none without."""
    grid = plan_storyboard(top.width, top.height, top.duration_seconds)
    size = (grid.columns * grid.tile_width, grid.rows * grid.tile_height)
    sheet = _newest(files, lambda name: name.is_storyboard, size)
    if sheet is None:
        return {}
    return {
        "storyboard_filename": sheet.name,
        "storyboard_root": THUMBNAILS,
        "storyboard_grid": asdict(grid),
    }
