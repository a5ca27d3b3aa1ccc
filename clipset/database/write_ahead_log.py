"""Keeps SQLite's write-ahead log small. PostgreSQL recycles its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from clipset.database.lock_waits import waiting_at_most

logger = logging.getLogger(__name__)

# The longest wait of writers for the truncation, and of the truncation for readers.
_PATIENCE_SECONDS: Final = 0.05
# Each pass copies what was written during the one before. A long read blocks all of them.
_PASSES: Final = 5


def shrink_write_ahead_log() -> bool:
    """Empties the log if it is larger than `SQLITE_WAL_LIMIT_BYTES`. Returns whether it did.

    SQLite's own checkpoints never shorten the log while it is in use. Passive checkpoints copy the
    log into the database beside writers and sync the database when all is copied. The final
    checkpoint, which blocks writers, then only truncates the file: 70 ms for 70 MB, 400 ms for
    200 MB on a busy machine. It gives up at once while a long read needs the log; a schedule tries
    again every minute. Does nothing inside a transaction.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block or _log_bytes() <= _limit():
        return False
    with waiting_at_most(_PATIENCE_SECONDS), connection.cursor() as cursor:
        try:
            for _ in range(_PASSES):
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
                _, pages, copied = cursor.fetchone()
                if pages == copied:
                    break
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_busy, _, _) = cursor.fetchone()
        except DatabaseError as error:  # a checkpoint of another process, or a full disk
            logger.warning("The write-ahead log could not be emptied: %s", error)
            return False
    return not is_busy


def _log_bytes() -> int:
    try:
        return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size
    except OSError:
        return 0


def _limit() -> int:
    return int(settings.SQLITE_WAL_LIMIT_BYTES)
