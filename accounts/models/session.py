"""Sessions: log-ins on devices."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from accounts.models.member import User
from clipset.lib.ids import hash_token

MAX_USER_AGENT_LENGTH = 300
MAX_ADDRESS_LENGTH = 45  # of an IPv6 address that holds one of IPv4
STORED_KEY_LENGTH: Final = 40


def stored_key(session_key: str) -> str:
    """What the database stores for a session's key: 160 bits of its SHA-256 (decision 30).

    It has another length than a key, so that neither can be taken for the other.
    """
    return hash_token(session_key)[:STORED_KEY_LENGTH]


class Session(AbstractBaseSession):
    """A log-in on one device. Members can see and end their own sessions.

    `session_key` is `stored_key` of the key in the browser's cookie. `address` is where the session
    was last used from, as accounts.backends.client_address gives it.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    user_agent = models.CharField(max_length=MAX_USER_AGENT_LENGTH, blank=True, default="")
    # The database knows the default, too: code from before this column may still write sessions.
    address = models.CharField(max_length=MAX_ADDRESS_LENGTH, blank=True, default="", db_default="")
    started_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "sessions"

    @classmethod
    def get_session_store_class(cls) -> Any:
        from accounts.sessions import SessionStore

        return SessionStore
