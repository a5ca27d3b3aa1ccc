"""Corrects times in the future that a clock which was ahead wrote, and records that the site is
alive.

No schedule calls this, since schedules are among the things to correct: scripts/run calls it, each
cluster at its start, and the guard process of each cluster (management/commands/qcluster).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max
from django.utils import timezone

from accounts.models import Session, User
from accounts.services.clock import bring_back_counters, bring_back_expiries
from clipset.database.clock import DATE_SLACK, LEASE_SLACK, bring_back, database_now, log_mend
from clipset.workers.task_queue import bring_back_schedules
from siteconfig.services.heartbeat import days_alive_ahead, mark_alive, newest_day
from videos.models import GuestLink, Job, JobState, Removal, Rendition, Upload, UploadState, Video
from videos.services import finalising
from videos.services.daily_statistics import discard_future_days
from videos.services.processing import jobs
from videos.services.removals import KEEP_FAILED_SOURCE
from videos.services.removing import MAX_DELAY
from videos.services.uploads import create
from videos.services.uploads.lease import LEASE

if TYPE_CHECKING:
    from datetime import datetime


def correct_future_times(*, now: datetime | None = None) -> None:
    """Corrects times that lie further ahead than the code ever writes, logs each correction, and
    records today as a day on which the site was alive. Harmless at any time; 25 small queries.

    Without it jobs, schedules, quotas and throttles would stop until that time comes. Expiry times
    are left alone when the site was alive on several days in the future: the clock is behind now,
    and correcting them would cut short what is valid. The clock that counts is the database's.
    """
    now = now or database_now()
    bring_back_schedules(now=now)
    _bring_back_leases(now=now)
    _bring_back_removals(now=now)
    _bring_back_trash(now=now)
    bring_back_counters(now=now)
    if days_alive_ahead(now=now) <= 1:
        bring_back_expiries(now=now)
        kept = now + create.LIFETIME
        open_ones = Upload.objects.filter(state=UploadState.OPEN)
        bring_back(open_ones, "expires_at", after=kept + DATE_SLACK, to=kept)
        _bring_back_guest_links(now=now)
        discard_future_days(now=now)
    mark_alive(now=now)


def _bring_back_leases(*, now: datetime) -> None:
    """Corrects leases to end one lease from now: a live worker renews its lease, that of a dead one
    expires."""
    running = Job.objects.filter(state=JobState.RUNNING)
    lease = now + jobs.LEASE
    bring_back(running, "lease_until", after=lease + LEASE_SLACK, to=lease)
    waiting = Job.objects.filter(state=JobState.WAITING)
    bring_back(waiting, "run_after", after=now + max(jobs.BACKOFF) + LEASE_SLACK, to=now)
    finalised = Rendition.objects.exclude(finalising_until=None)
    lease = now + finalising.LEASE
    bring_back(finalised, "finalising_until", after=lease + LEASE_SLACK, to=lease)
    written = Upload.objects.filter(state=UploadState.OPEN).exclude(writer_token="")
    lease = now + LEASE
    bring_back(written, "writer_until", after=lease + LEASE_SLACK, to=lease)


def _bring_back_removals(*, now: datetime) -> None:
    """Corrects removals: the source of a failed video is kept for its whole time, and a removal
    that is due is tried again."""
    latest = now + KEEP_FAILED_SOURCE
    for field in ("due_at", "next_try_at"):
        bring_back(Removal.objects.all(), field, after=latest + DATE_SLACK, to=latest)
    due = Removal.objects.filter(due_at__lte=now)
    bring_back(due, "next_try_at", after=now + MAX_DELAY + LEASE_SLACK, to=now)


def _bring_back_trash(*, now: datetime) -> None:
    """Corrects what was put into the trash in the future, and would stay there until then."""
    for rows in (Video.objects.in_trash(), User.objects.exclude(trashed_at=None)):
        bring_back(rows, "trashed_at", after=now + DATE_SLACK, to=now)


def _bring_back_guest_links(*, now: datetime) -> None:
    """Corrects guest links that were created in the future. Each keeps its lifetime."""
    ahead = list(GuestLink.objects.filter(created_at__gt=now + DATE_SLACK))
    for link in ahead:
        link.expires_at = now + (link.expires_at - link.created_at)
        link.created_at = now
    if ahead:
        GuestLink.objects.bulk_update(ahead, ["expires_at", "created_at"])
        log_mend("guest_links.created_at", rows=len(ahead), to=now)


# -- a clock that is behind ------------------------------------------------------------------------


def newest_moment() -> datetime | None:
    """The time at which the newest rows were written, by the clock of then. Five queries."""
    moments = [
        Video.objects.aggregate(last=Max("created_at"))["last"],
        Upload.objects.aggregate(last=Max("touched_at"))["last"],
        Session.objects.aggregate(last=Max("last_seen_at"))["last"],
        User.objects.aggregate(last=Max("created_at"))["last"],
        newest_day(),
    ]
    return max((moment for moment in moments if moment is not None), default=None)


def clock_warning(*, now: datetime | None = None) -> str | None:
    """A warning for the person who starts the site, if the newest rows are from the future;
    else None."""
    now, newest = now or timezone.now(), newest_moment()
    if newest is None or newest <= now + DATE_SLACK:
        return None
    return (
        f"The clock says {now:%Y-%m-%d %H:%M} UTC, but the newest entry in the database is from "
        f"{newest:%Y-%m-%d %H:%M} UTC: either the clock is behind now, or it was ahead before. "
        "Check it with timedatectl. If it is right, nothing needs to be done."
    )
