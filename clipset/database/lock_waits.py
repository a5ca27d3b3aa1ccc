"""A shorter wait for SQLite's lock, for work that may be skipped or must not hold others up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Waits at most so long for SQLite's locks, and afterwards as long as before. For what may be
    left out, or must not hold others up.

    PostgreSQL has no such lock; a row's is waited for as its connection is set up.
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
    """Returns what it was. By the driver, since this is none of the queries of a page."""
    if connection.connection is None:  # it was closed meanwhile; a new one begins with its own
        return milliseconds
    (before,) = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    connection.connection.execute(f"PRAGMA busy_timeout = {milliseconds}").close()
    return int(before)
