"""Claiming the next job: whose turn it is, and how many long jobs may run at once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Subquery

from clipset.database.clock import database_now
from siteconfig.roots import is_available
from videos.models import Job, JobKind, JobState, ProcessingStatus, Video
from videos.querysets import outside_trash_q
from videos.services.processing.enqueue import QUICK
from videos.services.processing.jobs import LEASE
from videos.services.storage import roots_away

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

# Jobs of videos from this length on are long. One slot stays free of them, for shorter videos and
# for work that makes a video watchable.
LONG_SECONDS: Final = 600
# How long an encode may be due before enrichment gives way to it.
PATIENCE: Final = timedelta(seconds=5)
MAX_CANDIDATES: Final = 50


def claim_next_job(
    kinds: tuple[JobKind, ...] = QUICK, *, now: datetime | None = None
) -> Job | None:
    """Leases the next job of these kinds to the caller, or returns None.

    The attempt is counted before the work, so that a job which kills its worker is given up in the
    end. Claims nothing while a root that results go to is not available on this host, and no job
    whose source lies in one: another host may have the root, or its disk comes back.
    """
    now = now or database_now()
    away = roots_away()
    if away is None:
        return None
    for kind in kinds:
        for job in _candidates(kind, now, away):
            if _claim(job, now):
                return Job.objects.select_related("video").get(pk=job.pk)
    return None


def is_encode_waiting() -> bool:
    """Whether an encode is due that this host could do: nobody can watch its video yet."""
    due = database_now() - PATIENCE
    waiting = Job.objects.filter(
        outside_trash_q("video__"),
        kind=JobKind.ENCODE,
        state=JobState.WAITING,
        run_after__lte=due,
    )
    roots = waiting.order_by().values_list("video__source_root", flat=True).distinct()
    return any(not name or is_available(name) for name in roots)


def _candidates(kind: JobKind, now: datetime, away: set[str]) -> Iterator[Job]:
    """Jobs in turn, then short encodes, in case that all of the first wait for a long slot."""
    yield from _in_turn(kind, now, away)[:MAX_CANDIDATES]
    if kind == JobKind.ENCODE:
        short = _in_turn(kind, now, away).filter(source_seconds__lt=LONG_SECONDS)
        yield from short[:MAX_CANDIDATES]


def _in_turn(kind: JobKind, now: datetime, away: set[str]) -> QuerySet[Job]:
    """Jobs that are due and whose video is not in the trash. The member whose last job started
    longest ago comes first, so that a batch of twenty videos makes nobody else wait; then the
    oldest job."""
    work_of_member = Job.objects.filter(
        # Not jobs that a clock ahead started: their member would come last until that time.
        video__uploaded_by=OuterRef("video__uploaded_by"),
        started_at__lte=now,
    ).order_by("-started_at")
    source = "video__storage_root" if kind == JobKind.ENRICH else "video__source_root"
    return (
        Job.objects.filter(
            outside_trash_q("video__"), kind=kind, state=JobState.WAITING, run_after__lte=now
        )
        .exclude(**{f"{source}__in": away})
        .annotate(served_at=Subquery(work_of_member.values("started_at")[:1]))
        .order_by(F("served_at").asc(nulls_first=True), "run_after", "id")
    )


def _claim(job: Job, now: datetime) -> bool:
    """Leases the job by one conditional UPDATE. False when another worker was faster, or no slot is
    free."""
    for slot in _slots(job):
        try:
            with transaction.atomic():
                claimed = Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(
                    state=JobState.RUNNING,
                    lease_owner=uuid.uuid4().hex,
                    lease_until=now + LEASE,
                    long_slot=slot,
                    attempts=F("attempts") + 1,
                    losses=F("losses") + 1,
                    started_at=now,
                    progress=None,
                    waits_for_room=False,
                    seconds_left=None,
                )
                if claimed and not _begin(job):
                    transaction.set_rollback(True)
                    return False
                return bool(claimed)
        except IntegrityError:
            continue  # another job has this slot
    return False


def _begin(job: Job) -> bool:
    """Marks the video as processing. False when it was put into the trash since the job was chosen:
    the lock makes this wait for such a request."""
    video = Video.objects.outside_trash().filter(pk=job.video_id)
    if job.kind == JobKind.ENRICH:
        return bool(video.select_for_update(no_key=True).values_list("pk"))
    return bool(video.update(processing_status=ProcessingStatus.PROCESSING))


def _slots(job: Job) -> Iterator[int | None]:
    """The long slots that a job may take; None for a job that needs none."""
    is_long = job.kind == JobKind.ENRICH or (job.source_seconds or 0) >= LONG_SECONDS
    if job.kind in QUICK or not is_long:
        yield None
    else:
        yield from range(1, max(1, settings.TRANSCODE_WORKERS - 1) + 1)
