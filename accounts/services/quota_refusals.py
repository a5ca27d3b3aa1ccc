"""Members whose uploads did not fit their quota, and resets of a quota that can be undone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.quota import allowed_bytes, reset_quota, used_bytes, week_start
from siteconfig.services.audit import record_by_staff

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# A member who tries again and again is noted once in this time.
NOTED_EVERY: Final = timedelta(minutes=1)
UNDO_WITHIN: Final = timedelta(days=1)
RESET_SINCE: Final = "The quota has been reset again since then, so it stays as it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReset:
    """What a reset of a member's quota replaced. `last_reset` is the reset before."""

    user_id: UUID
    used_bytes: int
    last_reset: datetime
    reset_at: datetime

    def token(self) -> str:
        """The values as a signed text, for a form that undoes the reset."""
        times = (self.last_reset.isoformat(), self.reset_at.isoformat())
        return signing.dumps([str(self.user_id), self.used_bytes, *times], salt=__name__)


def note_refusal(*, user: User, size: int | None) -> None:
    """Notes that an upload of `size` bytes (None if unknown) did not fit the member's quota.

    One query, and none within a minute of the last one. Not in the transaction that reserves the
    quota, which is rolled back. A database that is locked or full is logged only: the member is to
    get the refusal.
    """
    now = timezone.now()
    last = user.quota_refused_at
    if size is None:
        is_known = last is not None and last > user.last_upload_reset
        size = user.quota_refused_bytes if is_known else 1
    is_noted = last is not None and last <= now < last + NOTED_EVERY
    if is_noted and user.quota_refused_bytes == size:
        return
    user.quota_refused_at, user.quota_refused_bytes = now, max(1, size)
    try:
        User.objects.filter(pk=user.pk).update(
            quota_refused_at=now, quota_refused_bytes=user.quota_refused_bytes
        )
    except DatabaseError as error:
        logger.warning("a refused upload of %s was not noted: %s", user, error)


def members_over_quota(by: User, *, now: datetime | None = None) -> QuerySet[User]:
    """Active members whose last refused upload would still not fit, the earliest first.

    Only those whose quota `by` may change: a moderator changes their own and those of ordinary
    members. Annotates `used` and `allowed`, in bytes. One query besides.
    """
    now = now or timezone.now()
    start = week_start(now)
    refused = User.objects.filter(
        is_active=True,
        # Not what a clock ahead noted: no reset would end it.
        quota_refused_at__range=(start, now),
        quota_refused_at__gt=F("last_upload_reset"),
    ).exclude(role=Role.ADMIN)
    if not by.is_admin:
        refused = refused.filter(Q(role=Role.USER) | Q(pk=by.pk))
    return (
        refused.annotate(used=used_bytes(start), allowed=allowed_bytes())
        .filter(allowed__lt=F("used") + F("quota_refused_bytes"))
        .order_by("quota_refused_at", "pk")
    )


def reset_one_quota(*, user_id: UUID, now: datetime | None = None) -> QuotaReset:
    """Sets a member's counter to zero. Returns what `undo_quota_reset` needs.

    Raises: User.DoesNotExist.
    """
    now = now or timezone.now()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        reset_quota(users=[user.pk], now=now)
    return QuotaReset(
        user_id=user.pk,
        used_bytes=user.weekly_upload_bytes,
        last_reset=user.last_upload_reset,
        reset_at=now,
    )


def undo_quota_reset(token: str) -> User:
    """Adds the bytes that a reset set to zero to the member's counter again.

    Once only: the UPDATE is conditional on the moment of that reset.

    Raises: ValidationError if the quota has been reset since then, or the token is not valid.
    """
    try:
        user_id, used, last_reset, reset_at = signing.loads(
            token, salt=__name__, max_age=UNDO_WITHIN
        )
    except signing.BadSignature:
        raise ValidationError(RESET_SINCE) from None
    with transaction.atomic():
        undone = User.objects.filter(
            pk=user_id, last_upload_reset=datetime.fromisoformat(reset_at)
        ).update(
            weekly_upload_bytes=F("weekly_upload_bytes") + used,
            last_upload_reset=datetime.fromisoformat(last_reset),
        )
        if not undone:
            raise ValidationError(RESET_SINCE)
        user = User.objects.get(pk=user_id)
        record_by_staff(
            "member.quota",
            user,
            owner=user.pk,
            rank=Role(user.role).rank,
            before={"weekly_upload_bytes": user.weekly_upload_bytes - used},
            after={"weekly_upload_bytes": user.weekly_upload_bytes},
        )
    return user
