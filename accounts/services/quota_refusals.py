"""Members whose uploads did not fit their quota, or their storage limit."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.quota import allowed_bytes, used_bytes, week_start

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# A member who tries again and again is noted once in this time.
NOTED_EVERY: Final = timedelta(minutes=1)


def note_refusal(*, user: User, size: int | None) -> None:
    """Notes that an upload of `size` bytes (None if unknown) did not fit the member's quota or
    storage limit.

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

    Only those whose quota `by` may change: a moderator changes those of ordinary members, and not
    their own. Annotates `used` and `allowed`, in bytes. One query besides.
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
        refused = refused.filter(role=Role.USER)
    return (
        refused.annotate(used=used_bytes(start), allowed=allowed_bytes())
        .filter(allowed__lt=F("used") + F("quota_refused_bytes"))
        .order_by("quota_refused_at", "pk")
    )
