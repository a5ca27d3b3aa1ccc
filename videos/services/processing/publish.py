"""Turns a source into a video that plays: transcodes, then publishes in one fenced transaction.

Fenced: the transaction changes nothing unless the worker still has the job's lease.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.db import transaction

from clipset.lib.durable import sync
from siteconfig.roots import ORIGINALS, THUMBNAILS, checked_root
from siteconfig.services.config import current_config, current_video_root
from videos.enums import AUTOMATIC_FRAME
from videos.filenames import ORIGINAL_QUALITY
from videos.models import (
    Caption,
    JobKind,
    NotificationKind,
    ProcessingStatus,
    RemovalReason,
    Rendition,
    Video,
)
from videos.services.files import (
    files_named_after,
    keep_original,
    remove_unpublished,
    set_strays_aside,
)
from videos.services.notifications import notify_of_processing
from videos.services.processing import jobs
from videos.services.processing.announce import announce_renditions
from videos.services.processing.budget import budget_of
from videos.services.processing.disk_faults import bytes_read
from videos.services.processing.options import transcode_options
from videos.services.processing.rendition_rows import rendition_row, stored_bytes_of
from videos.services.processing.work_folders import attempt_version, file_stem
from videos.services.removals import request_removals
from videos.services.search_index import index_captions, index_video
from videos.services.small_thumbnails import enqueue_small_thumbnail
from videos.services.stored_files import StoredFile
from videos.services.thumbnails import make_first_thumbnail
from videos.transcode.budget import was_held_back
from videos.transcode.caption_tracks import extract_captions
from videos.transcode.early import early_copy
from videos.transcode.fragments import describe
from videos.transcode.pipeline import transcode
from videos.transcode.probe import probe
from videos.transcode.publish import copy_file
from videos.transcode.sound_tracks import lost_sounds_note
from videos.transcode.stored_media import media_of_text
from videos.transcode.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from videos.models import Job
    from videos.transcode.caption_tracks import ExtractedCaption
    from videos.transcode.media import MediaInfo
    from videos.transcode.results import Made, TranscodeResult
    from videos.transcode.types import Plan, Tick


logger = logging.getLogger(__name__)

# Of FFmpeg in jobs that take seconds: somebody waits for them, and encodes must not delay them.
QUICK_NICE: Final = 2


class NeedsEncodingError(Exception):
    """The quick cluster found that the video has to be encoded. `info` is what it probed."""

    def __init__(self, info: MediaInfo) -> None:
        super().__init__(info)
        self.info = info


def process(job: Job, source: Path, folder: Path, *, tick: Tick) -> None:
    """Processes the source in the work folder and publishes the result, whole or not at all.

    Raises: NeedsEncodingError; LeaseLostError; OSError for a source that its disk cannot read; and
    what `transcode` raises.
    """
    is_quick, budget = job.kind == JobKind.PUBLISH, budget_of(job)
    nice = {"nice": QUICK_NICE} if is_quick else {}
    options = transcode_options(most_bytes=budget.bytes, **nice)
    versions: list[str] = []
    with early_copy(source, folder, options) as early:
        info = _known_media(job, source) or probe(
            source, options=options, tick=tick, on_guess=early.start
        )

        def on_start(plan: Plan) -> None:
            if is_quick and not plan.copied:
                # A second plan: a copy was made and showed that it cannot be published.
                found = plan.reasons[-1] if versions else ""
                raise NeedsEncodingError(replace(info, copy_problem=found))
            # Called again when a graphics card failed: the fragments that players have are void.
            versions.append(attempt_version(job, started_again=bool(versions)))
            announce_renditions(job, plan, version=versions[-1])

        result = transcode(
            source, folder, options=options, info=info, tick=tick, on_start=on_start, early=early
        )
    if result.encoder and result.encoder.fallback_reason:
        logger.warning("%s\n%s", result.encoder.fallback_reason, result.encoder.detail)
    if result.sounds_failed:
        logger.warning("job %s lost sound tracks: %s", job.pk, result.sounds_failed)
    captions = extract_captions(source, result.info, folder, options=options, tick=tick)
    nearly_done = partial(tick, Progress(fraction=1.0))
    # FFmpeg takes a read error for the end of the file: the result would be cut short, and the
    # source removed. What FFmpeg has read is usually still in the kernel's cache.
    bytes_read(source, nearly_done)
    notes = [lost_sounds_note(result.info), budget.note if was_held_back(result) else ""]
    note = " ".join(filter(None, notes))
    _publish(job, result, captions, version=versions[-1], note=note, tick=nearly_done)


def _known_media(job: Job, source: Path) -> MediaInfo | None:
    """What the quick cluster probed before it handed the job over; None if nobody did."""
    info = media_of_text(job.media_info)
    return info if info and info.size_bytes == source.stat().st_size else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Files that are in their published places and that no row names yet.

    Without a thumbnail, one is made after the video is published.
    """

    renditions: list[Rendition]
    thumbnail: Path | None
    original: Path | None


def _publish(
    job: Job,
    result: TranscodeResult,
    captions: tuple[ExtractedCaption, ...],
    *,
    version: str,
    note: str,
    tick: Callable[[], None],
) -> None:
    """Publishes the result, whole or not at all. Raises: LeaseLostError."""
    video = job.video
    jobs.renew_lease(job, percent=99, seconds_left=None)
    # Files of killed attempts. They are listed before the job ends and set aside after: a worker
    # that lost its lease without knowing must not touch what the next one published.
    strays = files_named_after(video.pk)
    files: list[Path] = []
    try:
        placed = _place_all(job, result, files, version=version, tick=tick)
        with transaction.atomic():
            store_result(job, placed, captions, was_copied=result.plan.copied, note=note)
    except BaseException:
        # The row decides, not the error: a COMMIT may have succeeded although its answer was lost.
        remove_unpublished(video.pk, files)
        raise
    set_strays_aside(video.pk, strays)
    complete_published(video)


def complete_published(video: Video) -> None:
    """Makes the thumbnail and indexes captions. Takes long: called after the transaction that
    published the video. Sweeps make up for a process that ends before."""
    make_first_thumbnail(video)
    try:
        index_captions(video.pk)
    except Exception:  # the video is published; the sweep indexes them
        logger.exception("the captions of video %s cannot be searched yet", video.short_id)


def store_result(
    job: Job,
    placed: Placed,
    captions: tuple[ExtractedCaption, ...],
    *,
    was_copied: bool,
    note: str,
) -> None:
    """Ends the job with a video that is ready, requests the removal of its source, and adds the job
    for its enrichment.

    In the caller's transaction, after which it calls `complete_published`. `note`: what could not
    be kept, in a sentence for the uploader. Raises: LeaseLostError.
    """
    video = job.video
    jobs.end_job(job)
    _store(video, placed, was_copied=was_copied, note=note)
    if video.source_key:
        source = [StoredFile(video.source_root, video.source_key)]
        request_removals(source, reason=RemovalReason.PROCESSED, video_id=video.pk)
    _store_captions(video, captions)
    index_video(video.pk)
    if placed.thumbnail:
        enqueue_small_thumbnail(video.pk)
    notify_of_processing(video=video, kind=NotificationKind.PROCESSED)
    jobs.add_job(
        video=video,
        kind=JobKind.ENRICH,
        source_seconds=placed.renditions[0].duration_seconds,
    )


def _place_all(
    job: Job, result: TranscodeResult, files: list[Path], *, version: str, tick: Callable[[], None]
) -> Placed:
    stem = file_stem(job)
    root = current_video_root()
    renditions = [
        place_rendition(job, made, root, files, version=version, tick=tick)
        for made in result.renditions
    ]
    original: Path | None = None
    # A copy is the original, unless a sound could not be kept.
    is_original = result.plan.copied and not lost_sounds_note(result.info)
    is_kept = current_config().keep_originals or was_held_back(result)
    if is_kept and not is_original:
        original = keep_original(job.video.source_file, stem=stem, tick=tick)
        files.append(original)
    return Placed(renditions=renditions, thumbnail=None, original=original)


def _store(video: Video, placed: Placed, *, was_copied: bool, note: str) -> None:
    """Stores renditions and facts of the video, in the fenced transaction."""
    top, thumbnail = placed.renditions[0], placed.thumbnail
    # Another worker may be publishing the original quality.
    Video.objects.select_for_update().filter(pk=video.pk).first()
    store_renditions(video, placed.renditions)
    if was_copied:  # after another try, with other limits
        Rendition.objects.filter(video=video, name=ORIGINAL_QUALITY).delete()
    Video.objects.filter(pk=video.pk).update(
        processing_status=ProcessingStatus.COMPLETED,
        error_message=None,
        processing_note=note,
        is_refused=False,
        filename=top.filename,
        storage_root=top.root,
        thumbnail_filename=thumbnail.name if thumbnail else None,
        thumbnail_root=THUMBNAILS if thumbnail else "",
        thumbnail_wanted_at=None if thumbnail else AUTOMATIC_FRAME,
        original_root=ORIGINALS if placed.original else "",
        original_key=placed.original.name if placed.original else "",
        source_root="",
        source_key="",
        duration_seconds=top.duration_seconds,
        width=top.width,
        height=top.height,
        stored_bytes=stored_bytes_of(video.pk),
        was_copied=was_copied,
    )


def place_rendition(
    job: Job,
    made: Made,
    root: str,
    files: list[Path],
    *,
    version: str,
    tick: Callable[[], None],
) -> Rendition:
    """Puts a finished file into the storage root `root`. Returns its row, unsaved. `files` collects
    the paths.

    Raises: RootUnavailableError.
    """
    name = f"{file_stem(job)}-{made.rendition.name}.mp4"
    final = place(made.path, checked_root(root) / name, files, tick=tick)
    facts = describe(final)
    return rendition_row(job.video, made, root=root, filename=name, version=version, facts=facts)


def place(work: Path, final: Path, files: list[Path], *, tick: Callable[[], None]) -> Path:
    """Links a finished file to its published path, or copies it to another disk.

    The file in the work folder stays until the attempt ends, for players that read from it. `files`
    collects the published paths, so that a failure can remove them.
    """
    files.append(final)
    sync(work)
    try:
        os.link(work, final)
    except OSError:
        copy_file(work, final, tick=tick)
    sync(final.parent)
    return final


def store_renditions(video: Video, renditions: list[Rendition]) -> None:
    """Replaces the rows of incomplete renditions, in the fenced transaction."""
    names = [rendition.name for rendition in renditions]
    Rendition.objects.filter(video=video, is_complete=False).delete()
    Rendition.objects.filter(video=video, name__in=names).delete()
    Rendition.objects.bulk_create(renditions)


def _store_captions(video: Video, captions: tuple[ExtractedCaption, ...]) -> None:
    """Replaces the captions. Those with coordinates are withheld until the uploader publishes them.
    `index_captions` adds the words of the others to the search after the commit."""
    Caption.objects.present().filter(video=video).only("pk").delete()
    Caption.objects.bulk_create(
        Caption(
            video=video,
            is_withheld=track.has_coordinates,
            size_bytes=len(track.body.encode()),
            **asdict(track),
        )
        for track in captions
    )
