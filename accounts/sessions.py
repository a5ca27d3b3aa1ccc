"""Session store that also records the member, the device and the last use in columns.

Source: Django's documentation, "Extending database-backed session engines".
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db import DatabaseError

from accounts.models import MAX_USER_AGENT_LENGTH, Session
from clipset.database.lock_waits import waiting_at_most
from clipset.lib.unavailable import why_unavailable
from clipset.security import HOST_PREFIX
from siteconfig.services.heartbeat import alive_before

logger = logging.getLogger(__name__)

# How long a request may wait for the database to record that its session was used.
MAX_WAIT_SECONDS: Final = 0.2


class SessionStore(DatabaseSessionStore):
    """Session store of the site (SESSION_ENGINE), with rows of accounts.models.Session."""

    # Keys that note_use sets in a session. They are copied into columns when it is saved.
    USER_AGENT, STARTED_AT, SEEN_AT = "user_agent", "started_at", "seen_at"

    # Key that tells when a session was first found by the cookie's name on HTTPS, in Unix seconds;
    # 0 if it began so (clipset.header_middleware.HostCookies).
    RENAMED_AT = "renamed_at"

    # The content that note_use saved.
    _noted: dict[str, Any] | None = None

    @classmethod
    def clear_expired(cls) -> None:
        """Deletes the sessions that expired before the site's last day of running.

        They are unusable from their expiry on. Deleting them a day later means that a clock which
        is wrong for a while deletes no session that is still valid.
        """
        cls.get_model_class().objects.filter(expire_date__lt=alive_before(days=1)).delete()

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def save(self, must_create: bool = False) -> None:
        """Saves the session, unless note_use has just saved the same content.

        Django treats every database error as a session that was deleted meanwhile, and answers
        400. This method raises the database's own error if the database is unavailable.

        Raises:
            UpdateError: if the session was deleted meanwhile.
            DatabaseError: if the database is busy, full or not reachable.
        """
        if must_create and settings.SESSION_COOKIE_NAME.startswith(HOST_PREFIX):
            self.setdefault(self.RENAMED_AT, 0)
        if not must_create and self._noted == dict(self.items()):
            return
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            if cause is not None and why_unavailable(cause) is not None:
                raise cause from cause.__cause__
            raise

    def note_use(self, *, now: datetime, user_agent: str) -> None:
        """Records that this session was used now, on this device.

        If nothing else in the session has changed, it is saved here and a failure is ignored, so
        that no page waits long or fails because of it. The next request tries again.
        """
        has_changes = self.modified
        before = dict(self.items())
        self.setdefault(self.STARTED_AT, now.isoformat())
        self[self.USER_AGENT] = user_agent[:MAX_USER_AGENT_LENGTH]
        self[self.SEEN_AT] = now.isoformat()
        if has_changes or self.session_key is None:
            return
        self.modified = False
        try:
            with waiting_at_most(MAX_WAIT_SECONDS):
                self.save()
            self._noted = dict(self.items())
            self.modified = True  # makes Django extend the expiry of the browser's cookie
        except UpdateError:  # the session was deleted meanwhile
            self._session_cache = before
        except DatabaseError as error:
            if why_unavailable(error) is None:
                raise
            self._session_cache = before
            logger.warning("the use of a session could not be recorded: %s", error)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        instance: Session = super().create_model_instance(data)  # type: ignore[assignment]
        instance.user_id = data.get(SESSION_KEY)
        instance.user_agent = str(data.get(self.USER_AGENT, ""))[:MAX_USER_AGENT_LENGTH]
        if self.STARTED_AT in data:
            instance.started_at = datetime.fromisoformat(data[self.STARTED_AT])
        if self.SEEN_AT in data:
            instance.last_seen_at = datetime.fromisoformat(data[self.SEEN_AT])
        return instance
