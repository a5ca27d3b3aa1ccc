"""A shorter wait for SQLite's lock, for work that may be skipped or must not hold others up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Context manager that limits waits for SQLite's locks, and restores the previous limit.

    Does nothing on PostgreSQL, which has no lock on the whole database; the connection's option
    lock_timeout limits the wait for locks on rows.
    """
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    before = _set_busy_timeout(round(seconds * 1000))
    try:
        yield
    finally:
        _set_busy_timeout(before)


def _set_busy_timeout(milliseconds: int) -> int:
    """Sets the limit and returns the previous one. Uses the driver directly, so that it does not
    count as a query of the page."""
    if connection.connection is None:  # closed meanwhile; a new connection has its own limit
        return milliseconds
    (before,) = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    connection.connection.execute(f"PRAGMA busy_timeout = {milliseconds}").close()
    return int(before)
