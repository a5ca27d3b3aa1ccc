"""Rows about members that a clock ahead left in the future."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from axes.models import AccessAttempt
from django.conf import settings

from accounts.models import Invitation, Session, Throttle, User
from accounts.services.invitations import LIFETIME
from accounts.services.quota import week_start
from clipset.database.clock import DATE_SLACK, LEASE_SLACK, bring_back

if TYPE_CHECKING:
    from datetime import datetime


def bring_back_counters(*, now: datetime) -> None:
    """What would keep a member waiting until the clock comes there: quotas that are not reset,
    throttles, locked log-ins. Three queries when all is well."""
    bring_back(User.objects.all(), "last_upload_reset", after=now + DATE_SLACK, to=week_start(now))
    bring_back(Throttle.objects.all(), "started_at", after=now + LEASE_SLACK, to=now)
    bring_back(AccessAttempt.objects.all(), "attempt_time", after=now + LEASE_SLACK, to=now)


def bring_back_expiries(*, now: datetime) -> None:
    """What would be valid for longer than it should. Two queries when all is well."""
    week = now + LIFETIME
    unused = Invitation.objects.filter(used_at=None)
    bring_back(unused, "expires_at", after=week + DATE_SLACK, to=week)
    longest = now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    bring_back(Session.objects.all(), "expire_date", after=longest + DATE_SLACK, to=longest)
