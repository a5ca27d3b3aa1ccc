"""Job state machine: WAITING -> RUNNING (leased) -> DONE or FAILED.

Each change of a leased job is one UPDATE on condition of the worker's token, so that a worker which
lost its lease changes nothing. Leases are written and compared by the database's clock
(clipset.database.clock).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, F, PositiveSmallIntegerField, Q, Value, When
from django.db.models.functions import Greatest

from accounts.models import Role
from accounts.services.quota import release_quota
from clipset.database.clock import database_now
from clipset.lib.request_id import current_request_id
from siteconfig.services.audit import record_by_staff
from videos.models import (
    Job,
    JobKind,
    JobState,
    NotificationKind,
    ProcessingStatus,
    Rendition,
    Video,
)
from videos.services.locks import lock_uploader
from videos.services.notifications import notify_of_processing
from videos.services.processing.enqueue import enqueue_worker
from videos.services.removals import keep_source_for_retry
from videos.transcode.stored_media import media_as_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from videos.transcode.media import MediaInfo

LEASE: Final = timedelta(seconds=30)
HEARTBEAT: Final = timedelta(seconds=10)
# Before the next attempt, by the number of failures.
BACKOFF: Final = (timedelta(0), timedelta(seconds=10), timedelta(seconds=30))
# How long a job waits whose storage went away during the attempt, at first and at most.
STORAGE_PAUSE: Final = timedelta(minutes=1)
MAX_STORAGE_PAUSE: Final = timedelta(minutes=15)
MAX_FAILURES: Final = 3
MAX_LOSSES: Final = 5
LOST: Final = (
    "Processing kept getting interrupted, so we stopped. Try again. If it keeps failing, tell an "
    "admin."
)
UNFINISHED: Final = (JobState.WAITING, JobState.RUNNING)

_SMALL: Final[PositiveSmallIntegerField[int, int]] = PositiveSmallIntegerField()


class LeaseLostError(Exception):
    """Another worker has the job by now, or its video was deleted."""


class GiveBackError(Exception):
    """The attempt is to end without a result: the workers are stopping, or an encode waits."""


def add_job(*, video: Video, kind: JobKind = JobKind.PUBLISH, **facts: object) -> Job:
    """Creates a job and enqueues a task for it, in the caller's transaction. `facts` are more
    fields of the job."""
    job = Job.objects.create(
        video=video,
        kind=kind,
        run_after=database_now(),
        request_id=current_request_id(),
        **facts,
    )
    enqueue_worker(kind)
    return job


def open_job(video: Video) -> Job | None:
    """The job of this video that waits or runs. A video has one at most."""
    return Job.objects.filter(Q(video=video) & Q(state__in=UNFINISHED)).first()


# -- while it is leased ---------------------------------------------------------------------------


def renew_lease(job: Job, *, percent: int | None, seconds_left: int | None) -> None:
    """Extends the lease and records progress.

    More progress than in any attempt before clears the count of lost attempts: a long encode
    survives many kills, and one that is always lost at the same place is given up.

    Raises: LeaseLostError if another worker took the job over.
    """
    changes: dict[str, object] = {}
    if percent is not None:
        is_further = When(furthest__lt=percent, then=Value(1))
        changes["losses"] = Case(is_further, default=F("losses"), output_field=_SMALL)
        changes["furthest"] = Greatest(F("furthest"), Value(percent), output_field=_SMALL)
    renewed = _leased(job).update(
        lease_until=database_now() + LEASE, progress=percent, seconds_left=seconds_left, **changes
    )
    if not renewed:
        raise LeaseLostError


def extend_lease(job: Job) -> None:
    """Extends the lease in a transaction that changes rows of the job's video, so that they change
    only while the caller has the job. Raises: LeaseLostError."""
    if not _leased(job).update(lease_until=database_now() + LEASE):
        raise LeaseLostError


def end_job(job: Job) -> None:
    """RUNNING -> DONE, in the transaction that publishes the result. Raises: LeaseLostError."""
    ended = _leased(job).update(
        **_unleased(JobState.DONE),
        media_info="",
        losses=F("losses") - 1,
        progress=100,
        finished_at=database_now(),
    )
    if not ended:
        raise LeaseLostError


def hand_to_encoder(job: Job, info: MediaInfo) -> None:
    """RUNNING -> WAITING as a job of kind ENCODE, which the slow cluster does. `info` is what was
    probed, so that it need not be probed again. Raises: LeaseLostError."""
    with transaction.atomic():
        _requeue(
            job,
            delay=timedelta(0),
            kind=JobKind.ENCODE,
            source_seconds=info.duration_seconds,
            media_info=media_as_text(info),
            losses=F("losses") - 1,
        )


def give_back_job(job: Job, *, delay: timedelta = timedelta(0), **changes: object) -> None:
    """RUNNING -> WAITING as if the job had not been claimed: a stop of the workers, or storage that
    is away or full, costs nothing but time. Raises: LeaseLostError."""
    with transaction.atomic():
        _requeue(job, delay=delay, losses=F("losses") - 1, **changes)


def storage_pause(job: Job) -> timedelta:
    """The time to wait after storage failed, twice as long after each attempt. This is for a disk
    that can be mounted and neither read nor written: while a disk is known to be away no job is
    claimed."""
    doubled: timedelta = STORAGE_PAUSE * 2 ** min(max(0, job.attempts - 1), 8)
    return min(MAX_STORAGE_PAUSE, doubled)


# -- failures -------------------------------------------------------------------------------------


def reject_source(job: Job, *, sentence: str) -> None:
    """RUNNING -> FAILED because of the uploaded content: the quota is released, and only staff can
    try again. Raises: LeaseLostError."""
    with transaction.atomic():
        _fail(job, _leased(job), sentence, is_refused=True)


def fail_attempt(job: Job, *, sentence: str, is_final: bool = False) -> bool:
    """RUNNING -> WAITING after a failure on the site's side, or FAILED after three of them, or
    after one that would occur again (`is_final`).

    Returns whether the job was given up. Raises: LeaseLostError.
    """
    with transaction.atomic():
        failures = job.failures + 1
        if is_final or failures >= MAX_FAILURES:
            _fail(job, _leased(job), sentence)
            return True
        _requeue(job, failures=failures, losses=F("losses") - 1, delay=BACKOFF[failures])
    return False


def lose_attempt(job: Job) -> bool:
    """RUNNING -> WAITING after another process killed FFmpeg, which counts as a lost lease, or
    FAILED after five losses. Returns whether the job was given up. Raises: LeaseLostError."""
    with transaction.atomic():
        leased = _leased(job).first()
        if leased is None:
            raise LeaseLostError
        if leased.losses >= MAX_LOSSES:
            _fail(job, _leased(job), LOST)
            return True
        _requeue(job, delay=BACKOFF[1])
    return False


def cancel_job(job: Job, *, sentence: str) -> bool:
    """WAITING or RUNNING -> FAILED at a member's request. A worker finds out at its next heartbeat.
    False when the job has ended already."""
    with transaction.atomic():
        unfinished = Job.objects.filter(pk=job.pk, state__in=UNFINISHED)
        return _fail(job, unfinished, sentence, must_change=False, notify=False)


def requeue_job(*, job: Job) -> None:
    """Makes a waiting job due now, clears its count of lost attempts and enqueues a task for it.
    Raises: ValidationError if the job does not wait any more."""
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, state=JobState.WAITING)
        if not waiting.update(run_after=database_now(), losses=0, waits_for_room=False):
            raise ValidationError("This job isn't waiting anymore.")
        owner = job.video.uploaded_by
        record_by_staff("video.retry", job.video, owner=owner.pk, rank=Role(owner.role).rank)
        enqueue_worker(job.kind)


def pause_jobs(videos: Iterable[UUID]) -> int:
    """RUNNING -> WAITING for jobs of videos that were put into the trash, in that transaction, as
    if they had not been claimed. Jobs of such videos are not claimed (claim.py) until the video is
    restored. Returns how many.

    The workers find out at their next heartbeat, and nobody else claims the jobs before that.
    """
    running = Job.objects.filter(video__in=videos, state=JobState.RUNNING)
    paused = list(running)
    running.update(
        **_unleased(JobState.WAITING),
        progress=None,
        losses=F("losses") - 1,
        run_after=database_now() + 2 * HEARTBEAT,
    )
    for job in paused:
        _delete_incomplete_renditions(job)
    return len(paused)


def resume_jobs(videos: Iterable[UUID]) -> None:
    """Enqueues tasks for the jobs of restored videos, in that transaction. The time in the trash
    does not count as waiting."""
    now = database_now()
    waiting = Job.objects.filter(video__in=videos, state=JobState.WAITING)
    for kind in waiting.values_list("kind", flat=True):
        enqueue_worker(kind)
    waiting.filter(run_after__lt=now).update(run_after=now)


def requeue_lost_jobs(*, now: datetime | None = None) -> int:
    """RUNNING -> WAITING for jobs whose lease expired, or FAILED after five losses. Returns how
    many."""
    now = now or database_now()
    lost = list(Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now))
    for job in lost:
        with transaction.atomic():
            still_lost = _leased(job).filter(lease_until__lt=now)
            if job.losses >= MAX_LOSSES:
                _fail(job, still_lost, LOST, must_change=False)
            elif still_lost.update(**_unleased(JobState.WAITING), progress=None, run_after=now):
                _delete_incomplete_renditions(job)
    return len(lost)


def _leased(job: Job) -> QuerySet[Job]:
    """The job's row as long as the caller's lease is the current one."""
    return Job.objects.filter(
        pk=job.pk, state=JobState.RUNNING, lease_owner=job.lease_owner
    ).exclude(lease_owner="")


def _unleased(state: JobState) -> dict[str, object]:
    """The values of a job that no worker has."""
    return {
        "state": state,
        "lease_owner": "",
        "lease_until": None,
        "long_slot": None,
        "seconds_left": None,
    }


def _requeue(job: Job, *, delay: timedelta, **changes: object) -> None:
    """RUNNING -> WAITING, in the caller's transaction. Raises: LeaseLostError."""
    waiting = {**_unleased(JobState.WAITING), "progress": None}
    if not _leased(job).update(**waiting, run_after=database_now() + delay, **changes):
        raise LeaseLostError
    _delete_incomplete_renditions(job)
    if not delay:
        enqueue_worker(str(changes.get("kind", job.kind)))


def _delete_incomplete_renditions(job: Job) -> None:
    """Deletes the rows of renditions that an ended attempt was encoding."""
    Rendition.objects.filter(video=job.video_id, is_complete=False).delete()


def _fail(
    job: Job,
    rows: QuerySet[Job],
    sentence: str,
    *,
    must_change: bool = True,
    notify: bool = True,
    is_refused: bool = False,
) -> bool:
    """Ends job and video as failed and releases the quota, once, in the caller's transaction.

    A video that can be watched already stays as it is when its enrichment fails.

    Args:
        rows: the job's row, if it may still be changed.
        must_change: raise LeaseLostError if it may not; else return False.
        notify: tell the uploader, who does not know it yet.
        is_refused: the uploaded content is the reason.
    """
    if job.kind != JobKind.ENRICH:
        lock_uploader(job.video_id)  # whose quota is released
    if not rows.update(**_unleased(JobState.FAILED), media_info="", finished_at=database_now()):
        if must_change:
            raise LeaseLostError
        return False
    _delete_incomplete_renditions(job)
    if job.kind != JobKind.ENRICH:
        _fail_video(job, sentence, is_refused=is_refused)
        if notify:
            notify_of_processing(video=job.video, kind=NotificationKind.FAILED)
    return True


def _fail_video(job: Job, sentence: str, *, is_refused: bool) -> None:
    video = Video.objects.select_for_update().get(pk=job.video_id)
    Video.objects.filter(pk=video.pk).update(
        processing_status=ProcessingStatus.FAILED,
        error_message=sentence,
        is_refused=is_refused,
        quota_bytes=0,
        updated_at=database_now(),
    )
    keep_source_for_retry(video)
    if video.quota_reserved_at is not None:
        release_quota(
            user_id=video.uploaded_by_id,
            size=video.quota_bytes,
            reserved_at=video.quota_reserved_at,
        )
