"""Tasks about members that the task queue calls. Arguments are primitive types."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts.services import (
    email_changes,
    invitations,
    leaving,
    passwords,
    quota,
    security_notifications,
    throttle,
    tries,
)
from accounts.sessions import SessionStore
from siteconfig.services.heartbeat import alive_before

KEEP_EXPIRED_DAYS: Final = 30  # invitations


def reset_quotas() -> int:
    return quota.reset_due_quotas()


def send_reset(email: str, asked_at: str) -> bool:
    """Sends the mail with a reset link. `asked_at` is in ISO 8601."""
    return passwords.send_reset(email, asked_at=datetime.fromisoformat(asked_at))


def send_email_change(member: str, created_at: str) -> bool:
    """Sends the link that confirms a new address. `created_at` is in ISO 8601."""
    moment = datetime.fromisoformat(created_at)
    return email_changes.send_link(member=UUID(member), created_at=moment)


def send_security_mail(member: str, address: str, subject: str, text: str) -> bool:
    """Sends a mail about what happened to an account."""
    return security_notifications.send_security_mail(
        member=UUID(member), address=address, subject=subject, text=text
    )


def trash_leaving_members() -> int:
    """Moves accounts into the trash whose members wanted that. Every hour. Returns how many."""
    return leaving.trash_leaving_members()


def clear_expired() -> int:
    """Deletes expired sessions, counts of a day ago, old unused invitations and changes of
    addresses that nobody confirmed.

    The counts are those of rate limits and of wrong passwords. An invitation is deleted
    KEEP_EXPIRED_DAYS after it expired. Returns how many of them were.
    """
    SessionStore.clear_expired()
    SessionStore.hash_plain_keys()
    throttle.forget_before(timezone.now() - timedelta(days=1))
    email_changes.forget_old_changes(before=alive_before(days=KEEP_EXPIRED_DAYS))
    tries.forget_tries(now=timezone.now())
    return invitations.delete_expired_invitations(before=alive_before(days=KEEP_EXPIRED_DAYS))
