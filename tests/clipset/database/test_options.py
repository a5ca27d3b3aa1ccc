"""Connection options of SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from clipset.database.options import set_lock_timeout
from clipset.settings import WEB_LOCK_SECONDS, WORKER_LOCK_SECONDS


def test_the_web_waits_less_for_a_lock_than_the_workers_do() -> None:
    sqlite: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3"}
    set_lock_timeout(sqlite, 20)
    set_lock_timeout(sqlite, 5)
    assert sqlite["OPTIONS"] == {"timeout": 5}
    postgresql: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": {"options": "-c search_path=clips"},
    }
    set_lock_timeout(postgresql, 20)
    set_lock_timeout(postgresql, 5)
    assert postgresql["OPTIONS"] == {
        "options": "-c search_path=clips -c lock_timeout=20s -c lock_timeout=5s",
        "connect_timeout": 5,
    }
    assert (WEB_LOCK_SECONDS, WORKER_LOCK_SECONDS) == (5, 20)
