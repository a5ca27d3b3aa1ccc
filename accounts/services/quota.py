"""What a member may still send this week.

The counter is only ever changed by one conditional UPDATE, so that no number of uploads at once
passes the limit. A counter whose last reset lies before the latest boundary counts as zero:
nobody is locked out past Sunday because a worker stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Role, User
from clipset.lib.weeks import latest_boundary, next_boundary
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from siteconfig.models import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaState:
    """Bytes. `limit_bytes` and `left_bytes` are None for those without a quota."""

    limit_bytes: int | None
    used_bytes: int
    left_bytes: int | None
    resets_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What was taken from the counter, and when: a refund needs both."""

    bytes: int
    reserved_at: datetime


def week_start(now: datetime) -> datetime:
    return latest_boundary(
        now,
        day=settings.QUOTA_RESET_DAY,
        hour=settings.QUOTA_RESET_HOUR,
        zone=ZoneInfo(settings.QUOTA_RESET_TIMEZONE),
    )


def week_end(now: datetime) -> datetime:
    return next_boundary(
        now,
        day=settings.QUOTA_RESET_DAY,
        hour=settings.QUOTA_RESET_HOUR,
        zone=ZoneInfo(settings.QUOTA_RESET_TIMEZONE),
    )


def quota_state(
    user: User, *, now: datetime | None = None, config: Config | None = None
) -> QuotaState:
    """What stands now, as a page tells it; the reservation decides. A list that asks for many
    members hands the config in, so that it is read once."""
    now = now or timezone.now()
    used = user.weekly_upload_bytes if user.last_upload_reset >= week_start(now) else 0
    limit = None
    if not user.is_admin:
        limit = user.weekly_upload_limit_bytes
        if limit is None:
            limit = (config or current_config()).weekly_upload_limit_bytes
    return QuotaState(
        limit_bytes=limit,
        used_bytes=used,
        left_bytes=None if limit is None else max(0, limit - used),
        resets_at=week_end(now),
    )


def reserve_quota(*, user: User, size: int, now: datetime | None = None) -> Reservation | None:
    """Takes `size` bytes from the member's week, or returns None when they do not fit.

    Admins are not charged. One UPDATE decides, whatever else runs at the same time.
    """
    now = now or timezone.now()
    start = week_start(now)
    used = Case(
        When(last_upload_reset__lt=start, then=Value(0)),
        default=F("weekly_upload_bytes"),
        output_field=BigIntegerField(),
    )
    limit = Coalesce(
        F("weekly_upload_limit_bytes"),
        Value(current_config().weekly_upload_limit_bytes),
        output_field=BigIntegerField(),
    )
    members = User.objects.filter(pk=user.pk, is_active=True)
    if members.filter(role=Role.ADMIN).exists():
        return Reservation(bytes=0, reserved_at=now)
    charged = (
        members.exclude(role=Role.ADMIN)
        .annotate(used=used, allowed=limit)
        .filter(allowed__gte=F("used") + size)
        .update(
            weekly_upload_bytes=used + size,
            last_upload_reset=Case(
                # The boundary, not now: another upload that looked at the clock a moment before
                # and comes after belongs to the same week.
                When(last_upload_reset__lt=start, then=Value(start)),
                default=F("last_upload_reset"),
            ),
        )
    )
    return Reservation(bytes=size, reserved_at=now) if charged else None


def release_quota(
    *, user_id: UUID, size: int, reserved_at: datetime, now: datetime | None = None
) -> None:
    """Gives `size` bytes back, if the counter still stands for the time they were reserved in.

    The caller makes sure that the same bytes are released only once.
    """
    now = now or timezone.now()
    if size <= 0 or reserved_at < week_start(now):
        return
    User.objects.filter(pk=user_id, last_upload_reset__lte=reserved_at).update(
        weekly_upload_bytes=Case(
            When(weekly_upload_bytes__gte=size, then=F("weekly_upload_bytes") - size),
            default=Value(0),
            output_field=BigIntegerField(),
        )
    )


def reset_due_quotas(*, now: datetime | None = None) -> int:
    """Sets every counter from before the latest boundary to zero; returns how many."""
    start = week_start(now or timezone.now())
    return User.objects.filter(last_upload_reset__lt=start).update(
        weekly_upload_bytes=0, last_upload_reset=start
    )


def reset_quota(*, users: Iterable[UUID], now: datetime | None = None) -> int:
    """A moderator's reset, of the given members (ids) at once; returns how many."""
    return User.objects.filter(pk__in=list(users)).update(
        weekly_upload_bytes=0, last_upload_reset=now or timezone.now()
    )
