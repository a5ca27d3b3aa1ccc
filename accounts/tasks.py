"""What the workers do for members. Takes primitives, fetches, delegates."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from accounts.services import invitations, passwords, quota, throttle
from accounts.sessions import SessionStore
from siteconfig.services.heartbeat import alive_before

KEEP_EXPIRED_DAYS: Final = 30  # invitations


def reset_quotas() -> int:
    return quota.reset_due_quotas()


def send_reset(email: str, asked_at: str) -> bool:
    """`asked_at` in ISO 8601, since the queue takes primitives."""
    return passwords.send_reset(email, asked_at=datetime.fromisoformat(asked_at))


def clear_expired() -> int:
    """Sessions that ran out, invitations that nobody took for a month, counts of a day ago."""
    SessionStore.clear_expired()
    throttle.forget_before(timezone.now() - timedelta(days=1))
    return invitations.expired_before(alive_before(days=KEEP_EXPIRED_DAYS))
