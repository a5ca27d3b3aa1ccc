"""Corrects timestamps of members' rows that lie in the future because a clock was ahead."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from accounts.models import Invitation, Leaving, Session, Throttle, TryCount, User
from accounts.services.invitations import LIFETIME
from accounts.services.quota import week_start
from accounts.services.tries import LONGEST_DELAY
from clipset.database.clock import DATE_SLACK, LEASE_SLACK, bring_back
from siteconfig.models import MAX_GRACE_DAYS

if TYPE_CHECKING:
    from datetime import datetime


def bring_back_counters(*, now: datetime) -> None:
    """Corrects the counters that would block a member until the clock reaches their timestamp.

    These are quotas (which would not be reset), throttles and wrong passwords. Four queries if
    there is nothing to correct.
    """
    bring_back(User.objects.all(), "last_upload_reset", after=now + DATE_SLACK, to=week_start(now))
    bring_back(Throttle.objects.all(), "started_at", after=now + LEASE_SLACK, to=now)
    tries = TryCount.objects.all()
    bring_back(tries, "last_at", after=now + LEASE_SLACK, to=now)
    longest = now + LONGEST_DELAY
    bring_back(tries, "next_at", after=longest + LEASE_SLACK, to=longest)


def bring_back_expiries(*, now: datetime) -> None:
    """Corrects invitations and sessions that would stay valid for too long, accounts that would be
    deleted later than was said, and dates by which staff need a second factor.

    Four queries if there is nothing to correct.
    """
    week = now + LIFETIME
    unused = Invitation.objects.filter(used_at=None)
    bring_back(unused, "expires_at", after=week + DATE_SLACK, to=week)
    bring_back(Leaving.objects.all(), "requested_at", after=now + DATE_SLACK, to=now)
    latest = now + timedelta(days=MAX_GRACE_DAYS)
    staff = User.objects.exclude(second_factor_due_at=None)
    bring_back(staff, "second_factor_due_at", after=latest + DATE_SLACK, to=latest)
    longest = now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    bring_back(Session.objects.all(), "expire_date", after=longest + DATE_SLACK, to=longest)
