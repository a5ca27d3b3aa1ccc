"""Tells temporary failures of the database or the disk (busy, full, unavailable) from bugs."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, InterfaceError, OperationalError

from clipset.lib.disk import is_disk_away, is_disk_full


@dataclass(frozen=True)
class Unavailable:
    """Why a request cannot be served now.

    Attributes:
        sentence: the reason, for people.
        retry_after: seconds after which to try again.
        is_full: whether the disk is full.
    """

    sentence: str
    retry_after: int
    is_full: bool = False


BUSY: Final = Unavailable("The site is busy. Try again in a moment.", retry_after=5)
AWAY: Final = Unavailable(
    "The site can't reach its database. Try again in a minute.", retry_after=30
)
FULL: Final = Unavailable(
    "The site's disk is full, so nothing can be saved. Try again later; if this stays, tell an "
    "admin.",
    retry_after=60,
    is_full=True,
)

STORAGE_AWAY: Final = Unavailable(
    "The site's storage isn't available right now. Nothing is lost. Try again in a few minutes; "
    "if that doesn't help, tell an admin.",
    retry_after=60,
)

# Primary result codes (https://www.sqlite.org/rescode.html); the low byte of an extended one.
_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_AWAY: Final = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
# SQLSTATE (PostgreSQL, appendix A): deadlock, serialization failure, lock unavailable, canceled.
_POSTGRESQL_BUSY: Final = frozenset({"40P01", "40001", "55P03", "57014"})
# Connection exceptions, insufficient resources (53300: too many connections), shutdowns, and a
# server that is read-only after a failover.
_POSTGRESQL_AWAY: Final = ("08", "53", "57P", "25006")


def why_unavailable(error: BaseException) -> Unavailable | None:
    """The temporary failure that an exception means; None if waiting does not help."""
    if is_disk_full(error):
        return FULL
    if is_disk_away(error):
        return STORAGE_AWAY
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    return _of_postgresql(error, getattr(cause, "sqlstate", None) or "")


def _of_sqlite(code: int) -> Unavailable | None:
    if code in _SQLITE_BUSY:
        return BUSY
    return AWAY if code in _SQLITE_AWAY else None


def _of_postgresql(error: BaseException, state: str) -> Unavailable | None:
    """Without a state, the connection failed or was lost: psycopg gives none then."""
    if state in _POSTGRESQL_BUSY:
        return BUSY
    if state.startswith(_POSTGRESQL_AWAY):
        return AWAY
    is_gone = not state and isinstance(error, OperationalError | InterfaceError)
    return AWAY if is_gone else None
