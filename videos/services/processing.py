"""One attempt at a job: transcode, then publish by one rename and one fenced UPDATE."""

from __future__ import annotations

import errno
import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction

from accounts.services.quota import reserve_quota
from clipset.lib.stopping import is_stopping
from siteconfig.services.config import current_config
from videos.models import ProcessingStatus, Video
from videos.services import jobs
from videos.services.files import (
    enter_work_folder,
    file_stem,
    keep_original,
    leave_work_folder,
    named_after,
    remove_files,
    remove_unnamed,
    work_folder,
)
from videos.transcode.errors import KilledBySignal, ProcessingError, SourceError
from videos.transcode.pipeline import transcode
from videos.transcode.publish import publish_file
from videos.transcode.types import Options, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from videos.models import Job
    from videos.transcode.types import Result

logger = logging.getLogger(__name__)

OUR_FAULT = (
    "Something went wrong on the site's side while this video was processed. Try again; if it "
    "fails once more, tell the person who runs this site."
)
DISK_FULL = (
    "The site's disk is full. Tell the person who runs it; the video can be tried again when "
    "there is room."
)
SOURCE_GONE = "The file that was sent is not there any more. Upload it again."
SOURCE_MISSING = (
    "The file that was sent cannot be found on the site's disk. Tell the person who runs this "
    "site; the video can be tried again when the disk is back."
)


def process_next_job() -> str:
    """Takes one job that is due and makes one attempt at it. Returns what became of it."""
    if is_stopping():
        return "stopping"
    job = jobs.claim_next_job()
    if job is None:
        return "nothing to do"
    folder = work_folder(job)
    try:
        return _attempt(job, folder)
    except jobs.LeaseLost:
        logger.warning("job %s was taken over or its video was deleted", job.pk)
        return "lease lost"
    finally:
        leave_work_folder(folder)


def _attempt(job: Job, folder: Path) -> str:
    """Raises LeaseLost; every other failure ends in a state with a sentence."""
    video = job.video
    try:
        source = Path(video.source_path)
        if not video.source_path:
            raise SourceError(SOURCE_GONE)
        if not source.is_file():
            # A disk that is not mounted, for all we know: nobody is to lose a film over that.
            raise ProcessingError(SOURCE_MISSING, detail=f"{source} is missing")
        enter_work_folder(folder)
        result = transcode(source, folder, options=_options(), tick=_ticker(job))
        _publish(job, result)
    except SourceError as error:
        logger.info("video %s is refused: %s\n%s", video.short_id, error, error.detail)
        jobs.reject_source(job, sentence=error.sentence)
        _forget_source(video)
        return "refused"
    except KilledBySignal:
        logger.warning("FFmpeg of job %s was killed", job.pk)
        return "given up" if jobs.lose_attempt(job) else "lost"
    except ProcessingError as error:
        logger.warning("job %s failed: %s\n%s", job.pk, error, error.detail)
        return _failed(job, error.sentence)
    except jobs.LeaseLost:
        raise
    except jobs.Stopping:
        jobs.give_back(job)
        return "given back"
    except Exception as error:
        # Whatever it is, the video must not stay in the middle; the log has the trace.
        logger.exception("job %s failed unexpectedly", job.pk)
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        return _failed(job, DISK_FULL if full else OUR_FAULT)
    _forget_source(video)
    return "completed"


def _failed(job: Job, sentence: str) -> str:
    return "given up" if jobs.fail_attempt(job, sentence=sentence) else "to be tried again"


def _options() -> Options:
    return Options(
        ffmpeg=settings.FFMPEG_PATH,
        accepted=tuple(settings.ACCEPTED_VIDEO_FORMATS),
        wall_clock_floor_seconds=settings.VIDEO_PROCESSING_TIMEOUT,
    )


def _ticker(job: Job) -> Callable[[Progress], None]:
    """Renews the lease with the progress, every ten seconds, or every two while it moves.

    It raises LeaseLost and Stopping, which end the work.
    """
    last_time, last_percent = time.monotonic() - 60, -1
    renewed_at = time.monotonic()

    def tick(progress: Progress) -> None:
        nonlocal last_time, last_percent, renewed_at
        if is_stopping():
            raise jobs.Stopping
        now = time.monotonic()
        percent = None if progress.fraction is None else min(99, int(progress.fraction * 100))
        moved = percent is not None and percent != last_percent
        if now - last_time < (2 if moved else jobs.HEARTBEAT.total_seconds()):
            return
        left = None if progress.seconds_left is None else max(0, round(progress.seconds_left))
        last_time, last_percent = now, -1 if percent is None else percent
        try:
            jobs.renew_lease(job, percent=percent, seconds_left=left)
        except OperationalError:
            # A database that is busy or away for a moment is no reason to throw the work away.
            logger.exception("the lease of job %s could not be renewed", job.pk)
            connection.close_if_unusable_or_obsolete()
            if time.monotonic() - renewed_at > jobs.LEASE.total_seconds():
                raise jobs.LeaseLost from None
            return
        renewed_at = time.monotonic()

    return tick


def _publish(job: Job, result: Result) -> None:
    """Makes the result the video's, or nothing at all. Raises LeaseLost."""
    video, stem = job.video, file_stem(job)
    jobs.renew_lease(job, percent=99, seconds_left=None)
    video_root, thumbnail_root = current_config().video_root, Path(settings.THUMBNAIL_STORAGE_PATH)
    # Of attempts that were killed half-way. Read before this one ends the job, removed after: a
    # worker that has lost its lease without knowing must not touch what the next one published.
    strays = named_after(video.pk)
    tick = partial(_ticker(job), Progress(fraction=1.0))
    final = video_root / f"{stem}.mp4"
    thumbnail = thumbnail_root / f"{stem}.jpg" if result.thumbnail else None
    original: Path | None = None
    try:
        _place(result.output, final, tick)
        if result.thumbnail and thumbnail:
            _place(result.thumbnail, thumbnail, tick)
        if not result.copied:
            original = keep_original(Path(video.source_path), stem=stem, tick=tick)
        with transaction.atomic():
            jobs.end_job(job)
            Video.objects.filter(pk=video.pk).update(
                processing_status=ProcessingStatus.COMPLETED,
                error_message=None,
                filename=final.name,
                storage_root=str(video_root),
                thumbnail_filename=thumbnail.name if thumbnail else None,
                thumbnail_root=str(thumbnail_root) if thumbnail else "",
                original_path=str(original) if original else "",
                source_path="",
                duration_seconds=result.duration_seconds,
                width=result.width,
                height=result.height,
                stored_bytes=result.size_bytes,
                was_copied=result.copied,
            )
    except BaseException:
        # The row decides, not the error: a COMMIT whose answer got lost may well have counted.
        remove_unnamed(video.pk, [path for path in (final, thumbnail, original) if path])
        raise
    remove_unnamed(video.pk, strays)


def _place(work: Path, final: Path, tick: Callable[[], None]) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    publish_file(work, final, tick=tick)


def _forget_source(video: Video) -> None:
    """After the end stands in the table: the file as it was sent has gone its way or is refused."""
    Video.objects.filter(pk=video.pk).update(source_path="")
    remove_files([video.source_path] if video.source_path else [])


def retry_processing(*, video: Video) -> Job:
    """Another attempt at a video that failed on our side, charged to its uploader again.

    Raises ValidationError when the file is gone, the quota has no room, or somebody was faster.
    """
    with transaction.atomic():
        current = Video.objects.select_for_update().get(pk=video.pk)
        if not current.can_be_retried:
            raise ValidationError(SOURCE_GONE)
        if not Path(current.source_path).is_file():
            raise ValidationError(SOURCE_MISSING)
        reservation = reserve_quota(user=current.uploaded_by, size=current.file_size_bytes)
        if reservation is None:
            raise ValidationError(
                "The weekly quota has no room for this file now. Try again after its reset."
            )
        current.processing_status = ProcessingStatus.PENDING
        current.error_message = None
        current.quota_bytes = reservation.bytes
        current.quota_reserved_at = reservation.reserved_at
        current.save()
        return jobs.add_job(video=current)
