"""Weekly upload quota: reserve, release and reset.

The counter is only changed by one conditional UPDATE, so that no number of simultaneous uploads
passes the limit. A counter whose last reset lies before the latest weekly boundary counts as zero,
so that nobody is blocked after the boundary while the workers are stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.audit import rank_of, record_about
from clipset.lib.refusals import RefusedError
from clipset.lib.weeks import latest_boundary, next_boundary
from siteconfig.services.audit import Act, record_many
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from siteconfig.models import Config

RESET_SINCE: Final = "The quota has been reset again since then, so it stays as it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaState:
    """A member's quota. `limit_bytes` and `left_bytes` are None for admins, who have no limit."""

    limit_bytes: int | None
    used_bytes: int
    left_bytes: int | None
    resets_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Bytes that were added to a member's counter, and when. `release_quota` needs both."""

    bytes: int
    reserved_at: datetime


@dataclass(frozen=True, slots=True)
class Counter:
    """What a member has uploaded, in bytes, since the counter was reset."""

    used_bytes: int
    last_reset: datetime

    def fields(self) -> dict[str, int | datetime]:
        """Returns the values of the member's fields."""
        return {"weekly_upload_bytes": self.used_bytes, "last_upload_reset": self.last_reset}

    def values(self) -> dict[str, int | str]:
        """Returns the fields as the audit log keeps them."""
        return {
            "weekly_upload_bytes": self.used_bytes,
            "last_upload_reset": self.last_reset.isoformat(),
        }

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> Counter:
        """Returns the counter that the audit log has kept. It inverts `values`."""
        last_reset = datetime.fromisoformat(values["last_upload_reset"])
        return cls(values["weekly_upload_bytes"], last_reset)


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
    """Returns a member's quota for display. Only `reserve_quota` decides about an upload.

    Args:
        config: the configuration, for a page that lists many members, so that it is read once.
    """
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


def used_bytes(start: datetime) -> Case:
    """The bytes that a member has used in the week that began at `start`, for a query."""
    return Case(
        When(last_upload_reset__lt=start, then=Value(0)),
        default=F("weekly_upload_bytes"),
        output_field=BigIntegerField(),
    )


def allowed_bytes() -> Coalesce:
    """A member's weekly limit, for a query on members who are no admins. One query."""
    return Coalesce(
        F("weekly_upload_limit_bytes"),
        Value(current_config().weekly_upload_limit_bytes),
        output_field=BigIntegerField(),
    )


def reserve_quota(*, user: User, size: int, now: datetime | None = None) -> Reservation | None:
    """Reserves `size` bytes of a member's quota. Returns None if they do not fit.

    Admins are not charged. One UPDATE checks the limit and changes the counter.
    """
    now = now or timezone.now()
    start = week_start(now)
    used = used_bytes(start)
    limit = allowed_bytes()
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
                # The boundary and not `now`: another upload may have read the clock a moment
                # earlier and be stored later. It belongs to the same week.
                When(last_upload_reset__lt=start, then=Value(start)),
                default=F("last_upload_reset"),
            ),
        )
    )
    return Reservation(bytes=size, reserved_at=now) if charged else None


def release_quota(
    *, user_id: UUID, size: int, reserved_at: datetime, now: datetime | None = None
) -> None:
    """Releases `size` reserved bytes, unless the counter was reset after `reserved_at`.

    The caller must release the same bytes only once.
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
    """Sets every counter that was last reset before the latest boundary to zero.

    Returns how many.
    """
    start = week_start(now or timezone.now())
    return User.objects.filter(last_upload_reset__lt=start).update(
        weekly_upload_bytes=0, last_upload_reset=start
    )


def reset_quota(*, users: Iterable[UUID], now: datetime | None = None) -> int:
    """Sets the counters of some members (ids) to zero for a moderator. Returns how many."""
    now = now or timezone.now()
    counters = User.objects.filter(pk__in=list(users))
    with transaction.atomic():
        found = list(counters.select_for_update(no_key=True).order_by("pk"))
        record_many("member.quota", [_reset_of(user, now) for user in found])
        return counters.update(weekly_upload_bytes=0, last_upload_reset=now)


def _reset_of(user: User, now: datetime) -> Act:
    return Act(
        id=user.pk,
        name=user.username,
        member=user.pk,
        rank=rank_of(user.role),
        before=Counter(user.weekly_upload_bytes, user.last_upload_reset).values(),
        after=Counter(0, now).values(),
    )


def undo_reset(*, user: User, before: Counter, after: Counter, now: datetime | None = None) -> User:
    """Undoes a reset of a member's counter: what it took away is added again to what the member has
    used since.

    Args:
        before: the counter that the reset replaced.
        after: the counter that it left.

    Raises: RefusedError if the counter has been reset again since, or a new week has begun;
    User.DoesNotExist.
    """
    start = week_start(now or timezone.now())
    with transaction.atomic():
        current = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if current.last_upload_reset != after.last_reset or after.last_reset < start:
            raise RefusedError(RESET_SINCE)
        # A counter of an earlier week had counted as zero.
        taken = (before.used_bytes if before.last_reset >= start else 0) - after.used_bytes
        old = Counter(current.weekly_upload_bytes, current.last_upload_reset)
        new = Counter(max(0, old.used_bytes + taken), max(before.last_reset, start))
        User.objects.filter(pk=user.pk).update(**new.fields())
        record_about(current, "member.quota", before=old.values(), after=new.values())
    for name, value in new.fields().items():
        setattr(user, name, value)
    return user


@transaction.atomic
def set_weekly_limit(*, user: User, limit_bytes: int | None) -> User:
    """Stores a member's own weekly limit in bytes; None for the site's limit."""
    current = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    before, user.weekly_upload_limit_bytes = current.weekly_upload_limit_bytes, limit_bytes
    User.objects.filter(pk=user.pk).update(weekly_upload_limit_bytes=limit_bytes)
    if before != limit_bytes:
        record_about(
            current,
            "member.quota",
            before={"weekly_upload_limit_bytes": before},
            after={"weekly_upload_limit_bytes": limit_bytes},
        )
    return user
