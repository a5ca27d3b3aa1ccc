"""What the workers do for members. Takes primitives, fetches, delegates."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.services import invitations, passwords, quota
from accounts.sessions import SessionStore


def reset_quotas() -> int:
    return quota.reset_due_quotas()


def send_reset(email: str) -> bool:
    return passwords.send_reset(email)


def clear_expired() -> int:
    """Sessions that ran out, and invitations that nobody took for a month."""
    SessionStore.clear_expired()
    return invitations.expired_before(timezone.now() - timedelta(days=30))
