"""One attempt at a job: it ends as done, refused, failed, lost or given back."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction

from accounts.services.quota import reserve_quota
from clipset.lib.disk import is_disk_full
from clipset.lib.request_id import set_request_id
from clipset.workers.stopping import is_stopping
from clipset.workers.ticks import tick as show_life
from videos.models import JobKind, ProcessingStatus, Video
from videos.services.audit import record_on_video
from videos.services.locks import lock_uploader
from videos.services.processing import jobs
from videos.services.processing.adopt import adopt_published_files
from videos.services.processing.claim import claim_next_job, is_encode_waiting
from videos.services.processing.disk_faults import Fault, fault_of_storage, may_be_disk_error
from videos.services.processing.enqueue import QUICK, enqueue_due_jobs
from videos.services.processing.enrich import enrich
from videos.services.processing.original import publish_original
from videos.services.processing.publish import NeedsEncodingError, process
from videos.services.processing.room import (
    NoRoomError,
    check_room,
    is_for_want_of_room,
    room_check,
)
from videos.services.processing.work_folders import (
    enter_work_folder,
    leave_work_folder,
    work_folder,
)
from videos.services.removals import cancel_failed_source
from videos.services.removing import work_off_removals
from videos.services.stored_total import count_stored
from videos.transcode.errors import (
    DifferentTimesError,
    KilledBySignalError,
    NoStorageError,
    ProcessingError,
    SourceError,
)
from videos.transcode.types import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from videos.models import Job
    from videos.transcode.types import Tick

logger = logging.getLogger(__name__)

# Another attempt ends in the same way, unless somebody changes something.
FINAL = (DifferentTimesError, NoStorageError)

OUR_FAULT = (
    "Something went wrong while processing this video. Try again. If it keeps failing, tell an "
    "admin."
)
DISK_FULL = (
    "The site's disk is full. Tell an admin; the video can be tried again when there is room."
)
SOURCE_GONE = (
    "The original file is no longer available, so this can't be retried. It needs to be "
    "uploaded again."
)
SOURCE_MISSING = (
    "The original file is missing from the server's disk. Tell an admin; "
    "the video can be tried again when the disk is back."
)
SOURCE_CHANGED = (
    "The uploaded file is damaged on the site's disk. Tell an admin; the video can be tried again "
    "once the file is restored."
)
REFUSED = "This file was refused because of what it holds. Upload another version of it."
IN_TRASH = "This video is in the trash. Restore it first."
CANCELLED = "Processing was stopped. You can start it again at any time."


def process_next_job(kinds: tuple[JobKind, ...] = QUICK) -> str:
    """Claims one job that is due and makes one attempt at it. Returns the outcome, for the log."""
    if is_stopping():
        return "stopping"
    job = claim_next_job(kinds)
    if job is None:
        return "nothing to do"
    # The task may have been enqueued by another request than the one that created this job.
    set_request_id(job.request_id)
    folder = work_folder(job)
    try:
        return _attempt(job, folder)
    except jobs.LeaseLostError:
        logger.warning("job %s was taken over or its video was deleted", job.pk)
        return "lease lost"
    finally:
        leave_work_folder(folder)
        # For jobs that waited for a long slot.
        enqueue_due_jobs()
        count_stored([job.video.uploaded_by_id])


def _attempt(job: Job, folder: Path) -> str:
    """Raises: LeaseLostError. Any other failure ends in a state with a sentence."""
    try:
        enter_work_folder(folder)
        check_room(job)
        _work(job, folder)
    except (NeedsEncodingError, jobs.GiveBackError) as pause:
        return _pause(job, pause)
    except jobs.LeaseLostError:
        raise
    except Exception as error:
        return _end_by_error(job, folder, error)
    if job.kind != JobKind.ENRICH:
        work_off_removals(video_id=job.video_id)  # its source
    return "completed"


def _end_by_error(job: Job, folder: Path, error: Exception) -> str:
    """Ends an attempt that raised an error. Returns the outcome. Raises: LeaseLostError."""
    try:
        fault = fault_of_storage(job, folder, error, tick=_ticker(job))
        if fault is not Fault.AWAY and is_for_want_of_room(error):
            raise NoRoomError from error
    except jobs.GiveBackError as pause:
        return _pause(job, pause)
    if fault is Fault.AWAY:
        # The error comes from a disk, whatever its text says about the source.
        logger.warning("job %s waits for its storage: %s", job.pk, error)
        jobs.give_back_job(job, delay=jobs.storage_pause(job))
        return "given back"
    if isinstance(error, SourceError):
        return _judge_source(job, error, fault)
    if isinstance(error, KilledBySignalError):
        logger.warning("FFmpeg of job %s was killed", job.pk)
        return "given up" if jobs.lose_attempt(job) else "lost"
    if isinstance(error, ProcessingError):
        logger.warning("job %s failed: %s\n%s", job.pk, error, error.detail)
        return _fail(job, error.sentence, is_final=isinstance(error, FINAL))
    # An unexpected error must not leave the video in PROCESSING. The log has the trace.
    logger.error("job %s failed unexpectedly", job.pk, exc_info=error)
    return _fail(job, DISK_FULL if is_disk_full(error) else OUR_FAULT)


def _work(job: Job, folder: Path) -> None:
    """Does the job: enriches, processes the source, or adopts files that were published before."""
    tick = _ticker(job)
    if job.kind == JobKind.ENRICH:
        enrich(job, folder, tick=tick)
        return
    source = job.video.source_file if job.video.source_key else None
    if source is not None and source.is_file():
        process(job, source, folder, tick=tick)
    elif not adopt_published_files(job, folder, tick=tick):
        if source is None:
            raise SourceError(SOURCE_GONE)
        # The storage is available, so the source was removed; an admin may still have a copy.
        raise ProcessingError(SOURCE_MISSING, detail=f"{source} is missing")


def _pause(job: Job, pause: NeedsEncodingError | jobs.GiveBackError) -> str:
    """Puts the job back into the queue. Returns the outcome. Raises: LeaseLostError."""
    if isinstance(pause, NeedsEncodingError):
        jobs.hand_to_encoder(job, pause.info)
        publish_original(job, pause.info)  # while another worker begins to encode
        return "to be encoded"
    if isinstance(pause, NoRoomError):
        logger.warning("job %s waits until a disk has room", job.pk)
        jobs.give_back_job(job, delay=jobs.storage_pause(job), waits_for_room=True)
        return "waits for room"
    jobs.give_back_job(job)
    return "given back"


def _judge_source(job: Job, error: SourceError, fault: Fault | None) -> str:
    """Refuses the source if nothing else can be at fault. An error that may come from a disk which
    failed for a moment has to occur in a second attempt as well."""
    if fault is Fault.CHANGED:
        logger.error("the source of video %s has another size now", job.video.short_id)
        return _fail(job, SOURCE_CHANGED)
    if may_be_disk_error(error) and not job.failures:
        logger.warning("job %s is tried again before it is judged: %s", job.pk, error.detail)
        return _fail(job, error.sentence)
    return _refuse(job, error)


def _refuse(job: Job, error: SourceError) -> str:
    logger.info("video %s is refused: %s\n%s", job.video.short_id, error, error.detail)
    jobs.reject_source(job, sentence=error.sentence)
    return "refused"


def _fail(job: Job, sentence: str, *, is_final: bool = False) -> str:
    given_up = jobs.fail_attempt(job, sentence=sentence, is_final=is_final)
    return "given up" if given_up else "to be tried again"


def _ticker(job: Job) -> Tick:
    """A function that renews the lease and records progress: every ten seconds, or every two while
    the percentage changes.

    It raises LeaseLostError and GiveBackError, which end the attempt.
    """
    saved_at, saved_percent = time.monotonic() - 60, -1
    renewed_at = time.monotonic()
    check = room_check()

    def tick(progress: Progress) -> None:
        nonlocal saved_at, saved_percent, renewed_at
        if is_stopping():
            raise jobs.GiveBackError
        check()
        show_life()
        now = time.monotonic()
        percent = None if progress.fraction is None else min(99, int(progress.fraction * 100))
        has_changed = percent is not None and percent != saved_percent
        if now - saved_at < (2 if has_changed else jobs.HEARTBEAT.total_seconds()):
            return
        seconds_left = (
            None if progress.seconds_left is None else max(0, round(progress.seconds_left))
        )
        saved_at, saved_percent = now, -1 if percent is None else percent
        try:
            jobs.renew_lease(job, percent=percent, seconds_left=seconds_left)
            if job.kind == JobKind.ENRICH and is_encode_waiting():
                raise jobs.GiveBackError
        except OperationalError:
            # The work goes on while the database is busy or away for less than a lease.
            logger.exception("the lease of job %s could not be renewed", job.pk)
            connection.close_if_unusable_or_obsolete()
            if time.monotonic() - renewed_at > jobs.LEASE.total_seconds():
                raise jobs.LeaseLostError from None
            return
        renewed_at = time.monotonic()

    return tick


# -- requests of members --------------------------------------------------------------------------


def retry_processing(*, video: Video, by_staff: bool = False) -> Job:
    """Adds a job for a failed video and charges its uploader's quota again. Only staff can retry a
    video whose content was refused.

    Raises: ValidationError when it is in the trash, the file is gone, the quota has no room, or
    another request was faster.
    """
    with transaction.atomic():
        lock_uploader(video.pk)  # whose quota is charged
        current = Video.objects.select_for_update().get(pk=video.pk)
        if current.is_trashed:
            raise ValidationError(IN_TRASH)
        if not current.can_be_retried:
            raise ValidationError(SOURCE_GONE)
        if current.is_refused and not by_staff:
            raise ValidationError(REFUSED)
        if not current.source_file.is_file():
            raise ValidationError(SOURCE_MISSING)
        reservation = reserve_quota(user=current.uploaded_by, size=current.file_size_bytes)
        if reservation is None:
            raise ValidationError(
                "The weekly quota has no room for this file now. Try again after its reset."
            )
        current.processing_status = ProcessingStatus.PENDING
        current.error_message = None
        current.is_refused = False
        current.quota_bytes = reservation.bytes
        current.quota_reserved_at = reservation.reserved_at
        current.save()
        cancel_failed_source(current)
        was, now = ProcessingStatus.FAILED, {"processing_status": current.processing_status}
        record_on_video("video.retry", current, before={"processing_status": was}, after=now)
        return jobs.add_job(video=current)


def retry_enrichment(*, video: Video) -> Job:
    """Adds a job for the smaller renditions and the storyboard of a video that is ready.

    Raises: ValidationError when the video is in the trash, is not ready or is being processed.
    """
    with transaction.atomic():
        current = Video.objects.select_for_update().get(pk=video.pk)
        if current.is_trashed:
            raise ValidationError(IN_TRASH)
        if not current.is_ready or jobs.open_job(current) is not None:
            raise ValidationError("This video is already being processed.")
        record_on_video("video.enrich", current)
        return jobs.add_job(
            video=current, kind=JobKind.ENRICH, source_seconds=current.duration_seconds
        )


def cancel_processing(*, video: Video) -> None:
    """Stops processing a video. It can be retried; until then its quota is released.

    Raises: ValidationError when it is not being processed.
    """
    job = jobs.open_job(video)
    with transaction.atomic():
        if job is None or not jobs.cancel_job(job, sentence=CANCELLED):
            raise ValidationError("This video isn't being processed.")
        was, now = {"processing_status": video.processing_status}, ProcessingStatus.FAILED
        record_on_video("video.cancel", video, before=was, after={"processing_status": now})
