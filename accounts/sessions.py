"""Sessions in the database that know whose they are and on which device.

Django's documented way to extend database-backed sessions.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db import DatabaseError

from accounts.models import Session
from clipset.database.lock_waits import waiting_at_most
from clipset.lib.unavailable import why_unavailable
from siteconfig.services.heartbeat import alive_before

logger = logging.getLogger(__name__)

# How long a page may be kept waiting by the note that its session was used.
NOTE_WAITS_SECONDS: Final = 0.2


class SessionStore(DatabaseSessionStore):
    # What the middleware notes in a session, copied into columns when it is saved.
    USER_AGENT, STARTED_AT, SEEN_AT = "user_agent", "started_at", "seen_at"

    # The content as note_use saved it.
    _noted: dict[str, Any] | None = None

    @classmethod
    def clear_expired(cls) -> None:
        """Deletes those that expired a day of the site's life ago; until then they count as
        expired. So a clock that leaps deletes none for good."""
        cls.get_model_class().objects.filter(expire_date__lt=alive_before(days=1)).delete()

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def save(self, must_create: bool = False) -> None:
        """Saves it, unless note_use has just done so.

        Django takes every failure for a session that was deleted meanwhile, and answers 400.

        Raises: UpdateError if it was; DatabaseError if the database is busy, full or away.
        """
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
        """Remembers that this session was used now, on this device.

        Where nothing else is to be saved, it is saved at once and may be left out: no page waits
        or fails because this could not be written. The next request tries again.
        """
        is_to_be_saved = self.modified
        before = dict(self.items())
        self.setdefault(self.STARTED_AT, now.isoformat())
        self[self.USER_AGENT] = user_agent
        self[self.SEEN_AT] = now.isoformat()
        if is_to_be_saved or self.session_key is None:
            return
        self.modified = False
        try:
            with waiting_at_most(NOTE_WAITS_SECONDS):
                self.save()
            self._noted = dict(self.items())
            self.modified = True  # the browser's cookie gets a new lease of life
        except UpdateError:  # deleted meanwhile: nothing to note
            self._session_cache = before
        except DatabaseError as error:
            if why_unavailable(error) is None:
                raise
            self._session_cache = before
            logger.warning("the use of a session could not be noted: %s", error)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        instance: Session = super().create_model_instance(data)  # type: ignore[assignment]
        instance.user_id = data.get(SESSION_KEY)
        instance.user_agent = str(data.get(self.USER_AGENT, ""))[:300]
        if self.STARTED_AT in data:
            instance.started_at = datetime.fromisoformat(data[self.STARTED_AT])
        if self.SEEN_AT in data:
            instance.last_seen_at = datetime.fromisoformat(data[self.SEEN_AT])
        return instance
