"""SQLite's write-ahead log, kept small. PostgreSQL recycles its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

# For how long writers may be kept waiting for it, and for how long it waits for readers.
_PATIENCE_MS: Final = 50


def shrink_write_ahead_log() -> bool:
    """Empties the log once it is larger than `SQLITE_WAL_LIMIT_BYTES`. Returns whether it did.

    SQLite's own checkpoints never shorten it while somebody reads or writes. A first one copies the
    log into the database beside writers (PASSIVE); the second has little left to copy, and holds
    writers up only for that. It gives up at once while a long read still needs the log: the next
    minute tries again. Outside of transactions only.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block or _log_bytes() <= _limit():
        return False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        (patience,) = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_busy, _, _) = cursor.fetchone()
        except DatabaseError as error:  # somebody else's checkpoint, or a full disk
            logger.warning("The write-ahead log could not be emptied: %s", error)
            return False
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
    return not is_busy


def _log_bytes() -> int:
    try:
        return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size
    except OSError:
        return 0


def _limit() -> int:
    return int(settings.SQLITE_WAL_LIMIT_BYTES)
