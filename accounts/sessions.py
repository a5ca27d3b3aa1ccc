"""Session store that keeps only hashes of keys, and records member, device and use in columns.

Source: Django's documentation, "Extending database-backed session engines".
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError
from django.db.models.functions import Length
from django.utils import timezone

from accounts.models import (
    MAX_ADDRESS_LENGTH,
    MAX_USER_AGENT_LENGTH,
    STORED_KEY_LENGTH,
    Session,
    stored_key,
)
from clipset.database.lock_waits import waiting_at_most
from clipset.lib.unavailable import why_unavailable
from clipset.security import HOST_PREFIX
from siteconfig.services.heartbeat import alive_before

logger = logging.getLogger(__name__)

# How long a request may wait for the database to record that its session was used.
MAX_WAIT_SECONDS: Final = 0.2
# A key as Django makes them. Older versions stored it as it is.
KEY_PATTERN: Final = re.compile(r"[a-z0-9]{32}")


class SessionStore(DatabaseSessionStore):
    """Session store of the site (SESSION_ENGINE), with rows of accounts.models.Session.

    `session_key` is the key in the browser's cookie, and its row has `stored_key` of it. Everything
    that Django does with a row by its key is overridden here. The site never calls the methods for
    asynchronous code, which would take a key for a stored one.
    """

    # Keys that note_use sets in a session. They are copied into columns when it is saved.
    USER_AGENT, ADDRESS = "user_agent", "address"
    STARTED_AT, SEEN_AT = "started_at", "seen_at"

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

    @staticmethod
    def hash_plain_keys() -> None:
        """Hashes the keys that an older version stored while it ran beside the upgrade."""
        rows = Session.objects.annotate(length=Length("session_key"))
        for key in rows.filter(length__lt=STORED_KEY_LENGTH).values_list("pk", flat=True):
            Session.objects.filter(pk=key).update(session_key=stored_key(key))

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        """The row of this session, which is not over. Forgets a key that has none."""
        key = self.session_key or ""
        live = Session.objects.filter(expire_date__gt=timezone.now())
        found = live.filter(pk__in=_possible_keys(key)).first()
        if found is None:
            self._session_key = None
        elif found.session_key == key:  # of an older version that ran beside the upgrade
            Session.objects.filter(pk=key).update(session_key=stored_key(key))
            found.session_key = stored_key(key)
        return found

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(pk__in=_possible_keys(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(pk__in=_possible_keys(key)).delete()

    def cycle_key(self) -> None:
        """Gives the session another key, and keeps everything else of its row.

        By one statement, so that at no moment the session has no row or two: running transfers go
        on (clipset.server.transfers).
        """
        if self.renew_key():
            return
        if self.session_key is not None and SESSION_KEY in self:
            # Django would store what this request has loaded, and so bring back what was ended.
            raise SessionInterrupted("The session was deleted or got another key meanwhile.")
        super().cycle_key()

    def renew_key(self) -> bool:
        """Gives the stored session another key. Returns False if it has never been stored, if it
        has been deleted meanwhile, or if another request has given it another key: of several
        simultaneous requests, one gets True."""
        self.items()  # loads the content under the old key
        old, self._noted = self.session_key, None
        if old is None:
            return False
        new: str = self._get_new_session_key()  # type: ignore[attr-defined] # not in the stubs
        row = Session.objects.filter(pk=stored_key(old))
        if not row.update(session_key=stored_key(new)):
            return False
        self._session_key, self.modified = new, True
        return True

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

    def note_use(self, *, now: datetime, user_agent: str, address: str = "") -> None:
        """Records that this session was used now, on this device, from this network address.

        If nothing else in the session has changed, it is saved here and a failure is ignored, so
        that no page waits long or fails because of it. The next request tries again.
        """
        has_changes = self.modified
        before = dict(self.items())
        self.setdefault(self.STARTED_AT, now.isoformat())
        self[self.USER_AGENT] = user_agent[:MAX_USER_AGENT_LENGTH]
        self[self.ADDRESS] = address[:MAX_ADDRESS_LENGTH]
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
        instance.session_key = stored_key(instance.session_key)
        instance.user_id = data.get(SESSION_KEY)
        instance.user_agent = str(data.get(self.USER_AGENT, ""))[:MAX_USER_AGENT_LENGTH]
        instance.address = str(data.get(self.ADDRESS, ""))[:MAX_ADDRESS_LENGTH]
        if self.STARTED_AT in data:
            instance.started_at = datetime.fromisoformat(data[self.STARTED_AT])
        if self.SEEN_AT in data:
            instance.last_seen_at = datetime.fromisoformat(data[self.SEEN_AT])
        return instance


def _possible_keys(key: str) -> list[str]:
    """The keys that the row of a session may have. What may be a stored key itself is none of
    them: whoever has read the database must not open a session with it."""
    return [stored_key(key), *([key] if KEY_PATTERN.fullmatch(key) else [])]
