"""Rate limits, counted in the database."""

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
    """Counts one use of an action and returns whether it is allowed.

    At most `times` uses are allowed `within` a period that begins with the first one. Refused uses
    are not counted. Each step is one SQL statement that also checks the limit, so that no number
    of simultaneous requests passes it.

    Args:
        what: the action, such as "comment".
        who: the actor: an id of a member, or a network address.
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
    # Either the limit is reached, or another request has just begun a new period.
    return bool(with_room.update(times=F("times") + 1))


def forget_before(moment: datetime) -> int:
    """Deletes the counts whose period began before `moment`. Returns how many."""
    deleted, _ = Throttle.objects.filter(started_at__lt=moment).delete()
    return deleted
