"""A full database: SQLite's own limit of pages, which gives the error of a full disk."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PAGES = 4294967294  # SQLite's default
LAST_PAGES = [f"filler_{number}" for number in range(20)]


@contextmanager
def full_database() -> Iterator[None]:
    """Fills the database of this thread's connection; needs a test with `transaction=True`."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's limit")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filler (bytes)")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        for size in (100_000, 10_000, 1000, 100):
            with suppress(OperationalError):
                while True:
                    cursor.execute("INSERT INTO filler VALUES (zeroblob(%s))", [size])
        # A split of the tree needs several pages at once, so one or two may be free.
        with suppress(OperationalError):
            for table in LAST_PAGES:
                cursor.execute(f"CREATE TABLE {table} (bytes)")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
            for table in ("filler", *LAST_PAGES):
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
