"""Publishes the rendition in original quality of a video that is encoded.

The quick cluster makes it as soon as it has handed the job over, so that the encode does not wait.
By then it has no lease any more: the job's row says whether the result is still wanted. What goes
wrong is only logged, since the video itself does not need this rendition; enrichment tries again.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import transaction

from clipset.lib.work_folder import clear_away
from clipset.workers.stopping import is_stopping
from clipset.workers.ticks import tick as show_life
from siteconfig.roots import TEMP, checked_root
from siteconfig.services.config import current_config, current_video_root
from videos.filenames import ORIGINAL_QUALITY
from videos.models import Job, JobKind, JobState, Rendition, Video
from videos.services.files import remove_unpublished
from videos.services.processing import jobs
from videos.services.processing.budget import has_room_for_original
from videos.services.processing.options import transcode_options
from videos.services.processing.publish import QUICK_NICE, place_rendition
from videos.services.processing.rendition_rows import stored_bytes_of
from videos.services.processing.room import room_check
from videos.services.processing.work_folders import attempt_version, original_folder
from videos.transcode.budget import most_grown
from videos.transcode.errors import TranscodeError
from videos.transcode.probe import probe
from videos.transcode.remux import make_original
from videos.transcode.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videos.transcode.media import MediaInfo
    from videos.transcode.types import Options, Tick

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_QUESTIONS: Final = 5.0


def publish_original(job: Job, info: MediaInfo) -> None:
    """Makes and publishes the original quality of a video whose job waits for the encoder.

    The job was handed over under its lease, which succeeds once, so no other process does this.
    Raises nothing.

    Args:
        info: what was probed of the source.
    """
    if not current_config().offer_original_quality:
        return
    try:
        if not has_room_for_original(job):
            return
        checked_root(TEMP)
        folder = original_folder(job)
        try:
            folder.mkdir()
            source, fence = _held_source(job, folder), partial(_lock_wanted_job, job)
            # The encode has begun by now.
            options = transcode_options(nice=QUICK_NICE, most_bytes=_most_bytes(job))
            _publish(job, source, folder, info, options=options, fence=fence, tick=_ticker(job))
        finally:
            clear_away(folder)
    except jobs.GiveBackError:
        pass  # enrichment makes it later
    except jobs.LeaseLostError:
        logger.info("the original quality of job %s is not wanted any more", job.pk)
    except Exception as error:
        _log(job, error)


def add_missing_original(job: Job, folder: Path, *, tick: Tick) -> None:
    """Publishes the original quality of a finished video that lacks it, from the kept original.

    For a job of kind ENRICH.

    Raises: LeaseLostError, GiveBackError.
    """
    video = job.video
    has_one = Rendition.objects.filter(video=video, name=ORIGINAL_QUALITY).exists()
    if has_one or not video.original_key or not current_config().offer_original_quality:
        return
    if not has_room_for_original(job):
        return
    try:
        source, options = video.original_file, transcode_options(most_bytes=_most_bytes(job))
        info = probe(source, options=options, tick=tick)
        fence = partial(jobs.extend_lease, job)
        _publish(job, source, folder, info, options=options, fence=fence, tick=tick)
    except (jobs.LeaseLostError, jobs.GiveBackError):
        raise
    except Exception as error:
        _log(job, error)


def _most_bytes(job: Job) -> int:
    """For the sounds, of which some may be encoded."""
    return most_grown(job.video.file_size_bytes)


def _held_source(job: Job, folder: Path) -> Path:
    """Returns a second name of the source, which stays when the encode is done first and the source
    is removed; where file systems have no such names, the source itself."""
    source = job.video.source_file
    held = folder / f"held{source.suffix}"
    try:
        held.hardlink_to(source)
    except OSError:
        return source
    return held


def _publish(
    job: Job,
    source: Path,
    folder: Path,
    info: MediaInfo,
    *,
    options: Options,
    fence: Callable[[], None],
    tick: Tick,
) -> None:
    """Makes the rendition and stores its row, or leaves nothing. For `fence` see `_store`."""
    original = make_original(source, folder, info, options=options, tick=tick)
    if original is None:
        return
    placed: list[Path] = []
    try:
        row = place_rendition(
            job,
            original.made,
            current_video_root(),
            placed,
            version=attempt_version(job),
            tick=partial(tick, Progress()),
        )
        row.has_independent_fragments = original.has_independent_fragments
        _store(job, row, fence=fence)
    except BaseException:
        # The row decides, not the error: a COMMIT may have succeeded although its answer was lost.
        remove_unpublished(job.video_id, placed)
        raise


def _store(job: Job, row: Rendition, *, fence: Callable[[], None]) -> None:
    """Stores the row in place of an older one, whose file is removed.

    Args:
        fence: locks the job's row, and raises LeaseLostError if the rendition is not wanted.

    Raises:
        FileNotFoundError: its file was set aside meanwhile, since no row named it.
    """
    with transaction.atomic():
        fence()
        video = Video.objects.select_for_update().filter(pk=job.video_id).first()
        if video is None:
            raise jobs.LeaseLostError
        row.path.stat()
        Rendition.objects.filter(video=video, name=ORIGINAL_QUALITY).delete()
        row.save(force_insert=True)
        if video.is_ready:
            stored = stored_bytes_of(video.pk)
            Video.objects.filter(pk=video.pk).update(stored_bytes=stored)


def _wanted_job(job: Job) -> bool:
    """Whether the job waits for the encoder, runs there, or is done."""
    handed_over = Job.objects.filter(pk=job.pk, kind=JobKind.ENCODE)
    return handed_over.exclude(state=JobState.FAILED).exists()


def _lock_wanted_job(job: Job) -> None:
    """Locks the job's row: jobs before videos, as everywhere. Raises: LeaseLostError."""
    handed_over = Job.objects.select_for_update().filter(pk=job.pk, kind=JobKind.ENCODE)
    if not list(handed_over.exclude(state=JobState.FAILED).values_list("pk")):
        raise jobs.LeaseLostError


def _ticker(job: Job) -> Tick:
    """A function that ends the work when the workers stop, or when nobody wants the result.

    It raises GiveBackError and LeaseLostError.
    """
    asked_at, check = time.monotonic(), room_check()

    def tick(_progress: Progress) -> None:
        nonlocal asked_at
        if is_stopping():
            raise jobs.GiveBackError
        check()
        show_life()
        if time.monotonic() - asked_at > SECONDS_BETWEEN_QUESTIONS:
            asked_at = time.monotonic()
            if not _wanted_job(job):
                raise jobs.LeaseLostError

    return tick


def _log(job: Job, error: Exception) -> None:
    """Logs why there is no original quality; with a trace if nobody expects the error."""
    video = job.video.short_id
    if isinstance(error, TranscodeError):
        logger.info("video %s is not offered in original quality: %s", video, error.detail)
    elif isinstance(error, OSError):
        logger.warning("the original quality of video %s failed: %s", video, error)
    else:
        logger.error("the original quality of video %s failed", video, exc_info=error)
