"""SQLite's log is truncated after it has grown, without making anyone wait."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from clipset.database.write_ahead_log import shrink_write_ahead_log

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'"),
]

MIB = 1024**2


@pytest.fixture(autouse=True)
def small_limit(settings: Settings) -> None:
    """A small limit, since a test would have to write 64 MiB otherwise."""
    settings.SQLITE_WAL_LIMIT_BYTES = 2 * MIB
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_size_limit")
        assert cursor.fetchone() == (64 * MIB,), "each connection has it"


def log_bytes() -> int:
    return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size


def another() -> closing[sqlite3.Connection]:
    name = connection.settings_dict["NAME"]
    return closing(sqlite3.connect(name, timeout=20, isolation_level=None))


def write(size: int) -> None:
    """Writes a few pages in each transaction, as a site does."""
    with another() as writer:
        writer.execute("CREATE TABLE IF NOT EXISTS filling (bytes BLOB)")
        for _ in range(size // (128 * 1024)):
            writer.execute("INSERT INTO filling VALUES (?)", (os.urandom(128 * 1024),))
        writer.execute("DROP TABLE filling")


def busy_timeout() -> int:
    """The milliseconds for which this connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        return int(cursor.fetchone()[0])


def test_a_log_that_grew_beside_a_long_read_shrinks_after_it() -> None:
    patience = busy_timeout()
    with another() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchall()
        write(8 * MIB)
        assert log_bytes() > 8 * MIB
        since = time.monotonic()
        assert not shrink_write_ahead_log(), "the reader needs it"
        assert time.monotonic() - since < 5
        assert log_bytes() > 8 * MIB
        reader.execute("COMMIT")
        assert shrink_write_ahead_log()
        assert log_bytes() == 0
    assert busy_timeout() == patience > 1_000, "what follows waits for its lock as before"


def test_writers_go_on_beside_it() -> None:
    with another() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchall()
        write(16 * MIB)
        waits: list[float] = []
        stop = threading.Event()

        def go_on() -> None:
            with another() as writer:
                writer.execute("CREATE TABLE IF NOT EXISTS going (n INTEGER)")
                while not stop.is_set():
                    since = time.monotonic()
                    writer.execute("INSERT INTO going VALUES (1)")
                    waits.append(time.monotonic() - since)
                writer.execute("DROP TABLE going")

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            while not waits:
                time.sleep(0.01)
            shrink_write_ahead_log()
            reader.execute("COMMIT")
            while not shrink_write_ahead_log() and log_bytes() > 2 * MIB:
                time.sleep(0.05)
        finally:
            stop.set()
            thread.join()
    assert log_bytes() <= 2 * MIB
    assert max(waits) < 2, "no writer waits for a lock's time-out"


def test_a_log_within_the_limit_is_left_alone(settings: Settings) -> None:
    write(MIB // 2)
    settings.SQLITE_WAL_LIMIT_BYTES = before = log_bytes()
    assert not shrink_write_ahead_log()
    assert log_bytes() == before
