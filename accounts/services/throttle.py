"""Nobody does a thing more often than it is good for the others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Throttle
from clipset.lib.ids import hash_token

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def allow(what: str, who: str, *, times: int, within: timedelta) -> bool:
    """Whether it may be done once more: at most `times` within that long of the first time.

    What is allowed is counted. Each step is one statement that decides, so that no number of
    requests at once passes the limit.
    """
    now = timezone.now()
    key = hash_token(f"{what}:{who}")
    found = Throttle.objects.filter(key=key)
    with_room = found.filter(started_at__gt=now - within, times__lt=times)
    if with_room.update(times=F("times") + 1):
        return True
    if found.filter(started_at__lte=now - within).update(started_at=now, times=1):
        return True
    if not found.exists():
        with suppress(IntegrityError), transaction.atomic():
            Throttle.objects.create(key=key, started_at=now)
            return True
    # It is full, or another request was faster to begin again.
    return bool(with_room.update(times=F("times") + 1))


def forget_before(moment: datetime) -> int:
    """Removes what began before `moment`; returns how many."""
    deleted, _ = Throttle.objects.filter(started_at__lt=moment).delete()
    return deleted
