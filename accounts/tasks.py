"""Tasks about members that the task queue calls. Arguments are primitive types."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts.services import invitations, passwords, quota, second_factor_mail, throttle
from accounts.sessions import SessionStore
from siteconfig.services.heartbeat import alive_before

KEEP_EXPIRED_DAYS: Final = 30  # invitations


def reset_quotas() -> int:
    return quota.reset_due_quotas()


def send_reset(email: str, asked_at: str) -> bool:
    """Sends the mail with a reset link. `asked_at` is in ISO 8601."""
    return passwords.send_reset(email, asked_at=datetime.fromisoformat(asked_at))


def send_second_factor_reset(user_id: str) -> bool:
    return second_factor_mail.send_reset_note(UUID(user_id))


def clear_expired() -> int:
    """Deletes expired sessions, rate-limit counts of a day ago and old unused invitations.

    An invitation is deleted KEEP_EXPIRED_DAYS after it expired. Returns how many of them were.
    """
    SessionStore.clear_expired()
    throttle.forget_before(timezone.now() - timedelta(days=1))
    return invitations.delete_expired_invitations(before=alive_before(days=KEEP_EXPIRED_DAYS))
