"""The life of a job: waiting, held by a lease, done or failed.

Every change of a job that a worker holds is one UPDATE that is conditional on the worker's
token, so that whoever lost the lease changes nothing. Leases are written and compared by the
database's clock (clipset.database.clock).
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import (
    Case,
    F,
    OuterRef,
    PositiveSmallIntegerField,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Greatest

from accounts.services.quota import release_quota
from clipset.database.clock import database_now
from clipset.lib.request_id import current_request_id
from clipset.workers.task_queue import enqueue, waiting_task_count
from siteconfig.roots import is_available
from videos.models import Job, NotificationKind, ProcessingStatus, Rendition, Video
from videos.models.job import JobKind, JobState
from videos.services.notifications import notify_of_processing
from videos.services.removals import keep_source_for_retry
from videos.services.storage import roots_away

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

LEASE = timedelta(seconds=30)
HEARTBEAT = timedelta(seconds=10)
BACKOFF = (timedelta(0), timedelta(seconds=10), timedelta(seconds=30))
# How long a job rests whose storage went away under it, at first and at most.
STORAGE_PAUSE = timedelta(minutes=1)
MAX_STORAGE_PAUSE = timedelta(minutes=15)
MAX_FAILURES = 3
MAX_LOSSES = 5
# Work on longer videos leaves one place free for shorter ones, and for what can be watched first.
LONG_SECONDS = 600
# How long an encode may be due before enrichment gives way to it.
PATIENCE = timedelta(seconds=5)
LOST = (
    "Processing kept getting interrupted, so we stopped. Try again; if it fails "
    "once more, tell an admin."
)

# Which cluster does what: one for what takes seconds, one for what takes minutes or hours.
QUICK: Final = (JobKind.PUBLISH,)
SLOW: Final = (JobKind.ENCODE, JobKind.ENRICH)

SMALL: Final[PositiveSmallIntegerField[int, int]] = PositiveSmallIntegerField()


class LeaseLostError(Exception):
    """The job is somebody else's by now, or its video is gone."""


class GiveBackError(Exception):
    """Work that is to be left for later: the workers are being stopped, or something more urgent
    waits."""


def add_job(*, video: Video, kind: JobKind = JobKind.PUBLISH, **facts: object) -> Job:
    """Queues work on a video and wakes a worker, in the caller's transaction."""
    job = Job.objects.create(
        video=video,
        kind=kind,
        run_after=database_now(),
        request_id=current_request_id(),
        **facts,
    )
    wake(kind)
    return job


def wake(kind: JobKind | str) -> None:
    if kind in QUICK:
        enqueue("videos.tasks.run_next_job")
    else:
        enqueue("videos.tasks.run_next_encode", cluster=settings.TRANSCODE_CLUSTER)


# -- taking ---------------------------------------------------------------------------------------


def claim_next_job(
    kinds: tuple[JobKind, ...] = QUICK, *, now: datetime | None = None
) -> Job | None:
    """Takes the job that is next, or None. The attempt is counted before the work, so that a job
    which kills its worker is given up one day.

    Takes nothing while a root that results go to is not available on this host, and no job whose
    source lies in one: another host may have it, or the disk comes back.
    """
    now = now or database_now()
    away = roots_away()
    if away is None:
        return None
    for kind in kinds:
        for job in _candidates(kind, now, away):
            if _take(job, now):
                return Job.objects.select_related("video").get(pk=job.pk)
    return None


def _candidates(kind: JobKind, now: datetime, away: set[str]) -> Iterator[Job]:
    """Those whose turn it is; behind them what needs no place, should they all wait for one."""
    yield from _in_turn(kind, now, away)[:50]
    if kind == JobKind.ENCODE:
        yield from _in_turn(kind, now, away).filter(source_seconds__lt=LONG_SECONDS)[:50]


def _in_turn(kind: JobKind, now: datetime, away: set[str]) -> QuerySet[Job]:
    """What is due: first of the member for whom the least was done lately, so that a batch of
    twenty makes nobody else wait; then by age."""
    work_of_member = Job.objects.filter(
        # Not what a clock ahead began: its member would come last until then.
        video__uploaded_by=OuterRef("video__uploaded_by"),
        started_at__lte=now,
    ).order_by("-started_at")
    source = "video__storage_root" if kind == JobKind.ENRICH else "video__source_root"
    return (
        Job.objects.filter(kind=kind, state=JobState.WAITING, run_after__lte=now)
        .exclude(**{f"{source}__in": away})
        .annotate(served_at=Subquery(work_of_member.values("started_at")[:1]))
        .order_by(F("served_at").asc(nulls_first=True), "run_after", "id")
    )


def _take(job: Job, now: datetime) -> bool:
    for slot in _slots(job):
        try:
            with transaction.atomic():
                taken = Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(
                    state=JobState.RUNNING,
                    lease_owner=uuid.uuid4().hex,
                    lease_until=now + LEASE,
                    long_slot=slot,
                    attempts=F("attempts") + 1,
                    losses=F("losses") + 1,
                    started_at=now,
                    progress=None,
                    seconds_left=None,
                )
                if taken and job.kind != JobKind.ENRICH:
                    Video.objects.filter(pk=job.video_id).update(
                        processing_status=ProcessingStatus.PROCESSING
                    )
                return bool(taken)
        except IntegrityError:
            continue  # that place is taken
    return False


def _slots(job: Job) -> Iterator[int | None]:
    """The places that a job may take. None stands for one that is not counted."""
    long = job.kind == JobKind.ENRICH or (job.source_seconds or 0) >= LONG_SECONDS
    if job.kind in QUICK or not long:
        yield None
    else:
        yield from range(1, max(1, settings.TRANSCODE_WORKERS - 1) + 1)


def encode_waits() -> bool:
    """Whether something that nobody can watch yet, and that this host could do, waits."""
    due = database_now() - PATIENCE
    waiting = Job.objects.filter(kind=JobKind.ENCODE, state=JobState.WAITING, run_after__lte=due)
    roots = waiting.order_by().values_list("video__source_root", flat=True).distinct()
    return any(not name or is_available(name) for name in roots)


# -- holding --------------------------------------------------------------------------------------


def renew_lease(job: Job, *, percent: int | None, seconds_left: int | None) -> None:
    """Still at it, so far along. Raises LeaseLostError.

    Farther than any attempt before clears the count of lost ones: a long encode survives many
    kills, and one that is always lost at the same place is given up.
    """
    changes: dict[str, object] = {}
    if percent is not None:
        farther = When(furthest__lt=percent, then=Value(1))
        changes["losses"] = Case(farther, default=F("losses"), output_field=SMALL)
        changes["furthest"] = Greatest(F("furthest"), Value(percent), output_field=SMALL)
    renewed = _held(job).update(
        lease_until=database_now() + LEASE, progress=percent, seconds_left=seconds_left, **changes
    )
    if not renewed:
        raise LeaseLostError


def hold(job: Job) -> None:
    """In a transaction that changes what belongs to the holder. Raises LeaseLostError."""
    if not _held(job).update(lease_until=database_now() + LEASE):
        raise LeaseLostError


def end_job(job: Job) -> None:
    """Done. To be called in the transaction that publishes the result; raises LeaseLostError."""
    ended = _held(job).update(
        **_at_rest(JobState.DONE),
        losses=F("losses") - 1,
        progress=100,
        finished_at=database_now(),
    )
    if not ended:
        raise LeaseLostError


def hand_to_encoder(job: Job, *, source_seconds: float) -> None:
    """It has to be encoded, which is the other cluster's work. Raises LeaseLostError."""
    with transaction.atomic():
        _put_back(
            job,
            delay=timedelta(0),
            kind=JobKind.ENCODE,
            source_seconds=source_seconds,
            losses=F("losses") - 1,
        )


def give_back(job: Job, *, delay: timedelta = timedelta(0)) -> None:
    """As if it had not been taken: a stop of the workers, or storage that is away, costs nothing
    but time. Raises LeaseLostError."""
    with transaction.atomic():
        _put_back(job, delay=delay, losses=F("losses") - 1)


def storage_pause(job: Job) -> timedelta:
    """Twice as long after each attempt. While a disk is known to be away nothing is attempted, so
    that this is for one that lets itself be mounted and cannot be read or written."""
    doubled: timedelta = STORAGE_PAUSE * 2 ** min(max(0, job.attempts - 1), 8)
    return min(MAX_STORAGE_PAUSE, doubled)


# -- failing --------------------------------------------------------------------------------------


def reject_source(job: Job, *, sentence: str) -> None:
    """The content is at fault: failed for good, the quota given back; staff can try again. Raises
    LeaseLostError."""
    with transaction.atomic():
        _fail(job, _held(job), sentence, refused=True)


def fail_attempt(job: Job, *, sentence: str) -> bool:
    """We are at fault: another attempt after a while, or failed for good after three.

    Returns whether it is given up. Raises LeaseLostError.
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
    up. Raises LeaseLostError."""
    with transaction.atomic():
        held = _held(job).first()
        if held is None:
            raise LeaseLostError
        if held.losses >= MAX_LOSSES:
            _fail(job, _held(job), LOST)
            return True
        _put_back(job, delay=BACKOFF[1])
    return False


def cancel_job(job: Job, *, sentence: str) -> bool:
    """Ends a job that waits or runs; whoever is at it notifications with the next heartbeat. False
    when it has ended already."""
    with transaction.atomic():
        unended = Job.objects.filter(pk=job.pk, state__in=[JobState.WAITING, JobState.RUNNING])
        return _fail(job, unended, sentence, strict=False, tell=False)


def take_back_lost_jobs(*, now: datetime | None = None) -> int:
    """Jobs whose lease ran out wait again, or fail after too many losses. Returns how many."""
    now = now or database_now()
    lost = list(Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now))
    for job in lost:
        with transaction.atomic():
            still_lost = _held(job).filter(lease_until__lt=now)
            if job.losses >= MAX_LOSSES:
                _fail(job, still_lost, LOST, strict=False)
            elif still_lost.update(**_at_rest(JobState.WAITING), progress=None, run_after=now):
                _forget_growing(job)
    return len(lost)


def wake_for_due_jobs(*, now: datetime | None = None) -> bool:
    """Wakes workers when work is due and the queue has no wake-up left: after a lost one, or one
    that found every place taken."""
    due = Job.objects.filter(state=JobState.WAITING, run_after__lte=now or database_now())
    woken = False
    for kinds, cluster in ((QUICK, None), (SLOW, settings.TRANSCODE_CLUSTER)):
        missing = due.filter(kind__in=kinds).count() - waiting_task_count(cluster)
        for _ in range(max(0, min(missing, 10))):
            wake(kinds[0])
            woken = True
    return woken


def open_job(video: Video) -> Job | None:
    return Job.objects.filter(
        Q(video=video) & Q(state__in=[JobState.WAITING, JobState.RUNNING])
    ).first()


def _held(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(
        pk=job.pk, state=JobState.RUNNING, lease_owner=job.lease_owner
    ).exclude(lease_owner="")


def _at_rest(state: JobState) -> dict[str, object]:
    """What every job is that nobody holds."""
    return {
        "state": state,
        "lease_owner": "",
        "lease_until": None,
        "long_slot": None,
        "seconds_left": None,
    }


def _put_back(job: Job, *, delay: timedelta, **changes: object) -> None:
    """In a transaction."""
    waiting = {**_at_rest(JobState.WAITING), "progress": None}
    if not _held(job).update(**waiting, run_after=database_now() + delay, **changes):
        raise LeaseLostError
    _forget_growing(job)
    if not delay:
        wake(str(changes.get("kind", job.kind)))


def _forget_growing(job: Job) -> None:
    """What this attempt was making goes with it."""
    Rendition.objects.filter(video=job.video_id, is_complete=False).delete()


def _fail(
    job: Job,
    held: QuerySet[Job],
    sentence: str,
    *,
    strict: bool = True,
    tell: bool = True,
    refused: bool = False,
) -> bool:
    """Ends job and video as failed and gives the quota back, once. In a transaction. `tell`: the
    uploader, who does not know it yet. `refused`: because of what was sent.

    A video that can be watched already stays as it is when its enrichment fails.
    """
    if not held.update(**_at_rest(JobState.FAILED), finished_at=database_now()):
        if strict:
            raise LeaseLostError
        return False
    _forget_growing(job)
    if job.kind != JobKind.ENRICH:
        _fail_video(job, sentence, refused=refused)
        if tell:
            notify_of_processing(video=job.video, kind=NotificationKind.FAILED)
    return True


def _fail_video(job: Job, sentence: str, *, refused: bool) -> None:
    video = Video.objects.select_for_update().get(pk=job.video_id)
    Video.objects.filter(pk=video.pk).update(
        processing_status=ProcessingStatus.FAILED,
        error_message=sentence,
        is_refused=refused,
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
