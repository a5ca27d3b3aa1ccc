"""Connection options of SQLite and PostgreSQL; clipset.settings sets them before Django starts."""

from __future__ import annotations

from typing import Any

SQLITE_ENGINE = "django.db.backends.sqlite3"


def set_options(database: dict[str, Any], *, wal_limit_bytes: int) -> None:
    """Completes an entry of DATABASES: SQLite's pragmas, or PostgreSQL's persistent connections.

    Args:
        wal_limit_bytes: size to which SQLite cuts its write-ahead log after a checkpoint.
    """
    if database["ENGINE"] == SQLITE_ENGINE:
        database["OPTIONS"] = {
            # Writers take their lock at BEGIN: they wait for it, rather than fail halfway.
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                f"PRAGMA journal_size_limit={wal_limit_bytes};"
            ),
        }
    else:
        database.setdefault("CONN_MAX_AGE", 60)  # seconds
        database.setdefault("CONN_HEALTH_CHECKS", True)


def set_lock_timeout(database: dict[str, Any], seconds: int) -> None:
    """Sets in an entry of DATABASES how long a statement waits for a lock of another connection.

    Has no effect on a connection that is open already.
    """
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == SQLITE_ENGINE:
        options["timeout"] = seconds
    else:
        # libpq applies these options in order: the last lock_timeout counts.
        given = options.get("options", "")
        options["options"] = f"{given} -c lock_timeout={seconds}s".strip()
        options.setdefault("connect_timeout", 5)  # seconds
