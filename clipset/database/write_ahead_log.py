"""SQLite's write-ahead log, kept small. PostgreSQL recycles its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from clipset.database.lock_waits import waiting_at_most

logger = logging.getLogger(__name__)

# For how long writers may be kept waiting for it, and for how long it waits for readers.
_PATIENCE_SECONDS: Final = 0.05
# Each has what was written during the one before; a long read keeps all of them from the end.
_PASSES: Final = 5


def shrink_write_ahead_log() -> bool:
    """Empties the log once it is larger than `SQLITE_WAL_LIMIT_BYTES`. Returns whether it did.

    SQLite's own checkpoints never shorten it while somebody reads or writes. Passive ones copy the
    log into the database beside writers, and sync that once they have copied all of it; so the one
    that holds writers up only has to cut the file: 70 ms for 70 MB, 400 ms for 200 MB on a busy
    machine. It gives up at once while a long read still needs the log: the next minute tries again.
    Outside of transactions only.
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
        except DatabaseError as error:  # somebody else's checkpoint, or a full disk
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
