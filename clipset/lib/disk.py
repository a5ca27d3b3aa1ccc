"""Telling a full disk from other failures."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from django.db import DatabaseError

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# SQLite's extended codes: no page, or no room for the index of the write-ahead log.
_SQLITE_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_POSTGRESQL_FULL: Final = "53100"  # disk_full


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the file system or of the database says that there is no room left."""
    if isinstance(error, DatabaseError):
        cause = error.__cause__
        if isinstance(cause, sqlite3.Error):
            return getattr(cause, "sqlite_errorcode", None) in _SQLITE_FULL
        return getattr(cause, "sqlstate", None) == _POSTGRESQL_FULL
    return isinstance(error, OSError) and error.errno in _NO_SPACE
