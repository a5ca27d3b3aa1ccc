"""The life of a job: waiting, held by a lease, done or failed.

Every change of a job that a worker holds is one UPDATE that is conditional on the worker's
token, so that whoever lost the lease changes nothing.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.services.quota import release_quota
from clipset.lib.queue import enqueue, waiting_wake_ups
from videos.models import Job, ProcessingStatus, Video
from videos.models.job import JobState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

LEASE = timedelta(seconds=30)
HEARTBEAT = timedelta(seconds=10)
BACKOFF = (timedelta(0), timedelta(seconds=10), timedelta(seconds=30))
MAX_FAILURES = 3
MAX_LOSSES = 5
LOST = (
    "Processing was interrupted again and again, so it was given up. Try again; if it fails "
    "once more, tell the person who runs this site."
)


class LeaseLost(Exception):
    """The job is somebody else's by now, or its video is gone."""


class Stopping(Exception):
    """The workers are being stopped: the job is to be given back."""


def add_job(*, video: Video) -> Job:
    """Queues a video for processing and wakes a worker, in the caller's transaction."""
    job = Job.objects.create(video=video)
    wake()
    return job


def wake() -> None:
    enqueue("videos.tasks.run_next_job")


def claim_next_job(*, now: datetime | None = None) -> Job | None:
    """Takes the oldest job that is due, or None. The attempt is counted before the work, so that
    a job which kills its worker is given up one day."""
    now = now or timezone.now()
    due = Job.objects.filter(state=JobState.WAITING, run_after__lte=now).order_by("run_after", "id")
    for job in due[:50]:
        token = uuid.uuid4().hex
        with transaction.atomic():
            taken = Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(
                state=JobState.RUNNING,
                lease_owner=token,
                lease_until=now + LEASE,
                losses=F("losses") + 1,
                started_at=now,
                progress=None,
                seconds_left=None,
            )
            if taken:
                Video.objects.filter(pk=job.video_id).update(
                    processing_status=ProcessingStatus.PROCESSING
                )
                return Job.objects.select_related("video").get(pk=job.pk)
    return None


def renew_lease(job: Job, *, percent: int | None, seconds_left: int | None) -> None:
    """Still at it, so far along. Raises LeaseLost."""
    renewed = _held(job).update(
        lease_until=timezone.now() + LEASE, progress=percent, seconds_left=seconds_left
    )
    if not renewed:
        raise LeaseLost


def end_job(job: Job) -> None:
    """Done. To be called in the transaction that publishes the result; raises LeaseLost."""
    ended = _held(job).update(
        state=JobState.DONE,
        lease_owner="",
        lease_until=None,
        losses=F("losses") - 1,
        progress=100,
        seconds_left=None,
        finished_at=timezone.now(),
    )
    if not ended:
        raise LeaseLost


def reject_source(job: Job, *, sentence: str) -> None:
    """The content is at fault: failed for good, the quota given back. Raises LeaseLost."""
    with transaction.atomic():
        _fail(job, _held(job), sentence)


def fail_attempt(job: Job, *, sentence: str) -> bool:
    """We are at fault: another attempt after a while, or failed for good after three.

    Returns whether it is given up. Raises LeaseLost.
    """
    with transaction.atomic():
        failures = job.failures + 1
        if failures >= MAX_FAILURES:
            _fail(job, _held(job), sentence)
            return True
        _put_back(job, failures=failures, losses=F("losses") - 1, delay=BACKOFF[failures])
    return False


def lose_attempt(job: Job) -> bool:
    """FFmpeg was killed by somebody else: counts as a lost lease. Returns whether it is given
    up. Raises LeaseLost."""
    with transaction.atomic():
        if job.losses >= MAX_LOSSES:
            _fail(job, _held(job), LOST)
            return True
        _put_back(job, delay=BACKOFF[1])
    return False


def give_back(job: Job) -> None:
    """As if it had not been taken: a stop of the workers costs nothing but time. Raises
    LeaseLost."""
    _put_back(job, delay=timedelta(0), losses=F("losses") - 1)


def take_back_lost_jobs(*, now: datetime | None = None) -> int:
    """Jobs whose lease ran out wait again, or fail after too many losses. Returns how many."""
    now = now or timezone.now()
    lost = list(Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now))
    for job in lost:
        with transaction.atomic():
            still_lost = _held(job).filter(lease_until__lt=now)
            if job.losses >= MAX_LOSSES:
                _fail(job, still_lost, LOST, strict=False)
            else:
                still_lost.update(**_waiting(run_after=now))
    return len(lost)


def wake_for_due_jobs(*, now: datetime | None = None) -> bool:
    """Wakes a worker when work is due and the queue has no wake-up left: after a lost one."""
    due = Job.objects.filter(state=JobState.WAITING, run_after__lte=now or timezone.now())
    missing = due.count() - waiting_wake_ups()
    for _ in range(max(0, min(missing, 10))):
        wake()
    return missing > 0


def _held(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(
        pk=job.pk, state=JobState.RUNNING, lease_owner=job.lease_owner
    ).exclude(lease_owner="")


def _waiting(**changes: object) -> dict[str, object]:
    return {
        "state": JobState.WAITING,
        "lease_owner": "",
        "lease_until": None,
        "progress": None,
        "seconds_left": None,
        **changes,
    }


def _put_back(job: Job, *, delay: timedelta, **changes: object) -> None:
    if not _held(job).update(**_waiting(run_after=timezone.now() + delay, **changes)):
        raise LeaseLost
    if not delay:
        wake()


def _fail(job: Job, held: QuerySet[Job], sentence: str, *, strict: bool = True) -> None:
    """Ends job and video as failed and gives the quota back, once. In a transaction."""
    failed = held.update(
        state=JobState.FAILED,
        lease_owner="",
        lease_until=None,
        seconds_left=None,
        finished_at=timezone.now(),
    )
    if not failed:
        if strict:
            raise LeaseLost
        return
    video = Video.objects.select_for_update().get(pk=job.video_id)
    Video.objects.filter(pk=video.pk).update(
        processing_status=ProcessingStatus.FAILED,
        error_message=sentence,
        quota_bytes=0,
        updated_at=timezone.now(),
    )
    if video.quota_reserved_at is not None:
        release_quota(
            user_id=video.uploaded_by_id,
            size=video.quota_bytes,
            reserved_at=video.quota_reserved_at,
        )


def open_job(video: Video) -> Job | None:
    return Job.objects.filter(
        Q(video=video) & Q(state__in=[JobState.WAITING, JobState.RUNNING])
    ).first()
