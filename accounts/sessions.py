"""Sessions in the database that know whose they are and on which device.

Django's documented way to extend database-backed sessions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore

from accounts.models import Session
from siteconfig.services.heartbeat import alive_before


class SessionStore(DatabaseSessionStore):
    # What the middleware notes in a session, copied into columns when it is saved.
    USER_AGENT, STARTED_AT, SEEN_AT = "user_agent", "started_at", "seen_at"

    @classmethod
    def clear_expired(cls) -> None:
        """Deletes those that expired a day of the site's life ago; until then they count as
        expired. So a clock that leaps deletes none for good."""
        cls.get_model_class().objects.filter(expire_date__lt=alive_before(days=1)).delete()

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        instance: Session = super().create_model_instance(data)  # type: ignore[assignment]
        instance.user_id = data.get(SESSION_KEY)
        instance.user_agent = str(data.get(self.USER_AGENT, ""))[:300]
        if self.STARTED_AT in data:
            instance.started_at = datetime.fromisoformat(data[self.STARTED_AT])
        if self.SEEN_AT in data:
            instance.last_seen_at = datetime.fromisoformat(data[self.SEEN_AT])
        return instance
