"""Errors of the file system and the databases about a full or unavailable disk."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from clipset.lib.disk import StorageUnavailableError, is_disk_away, is_disk_full, try_write
from tests.full_database import full_database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.django_db(transaction=True)
def test_a_database_without_room_is_a_full_disk() -> None:
    with (
        full_database(),
        connection.cursor() as cursor,
        pytest.raises(OperationalError) as raised,
    ):
        cursor.execute("CREATE TABLE more (bytes)")
    assert is_disk_full(raised.value)


def test_another_failure_of_the_database_is_none(db: None) -> None:
    with (
        pytest.raises(DatabaseError) as raised,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 FROM nowhere")
    assert not is_disk_full(raised.value)


def test_postgresqls_word_for_it_is_known() -> None:
    class DiskFullError(Exception):
        sqlstate = "53100"

    error = OperationalError("could not extend file")
    error.__cause__ = DiskFullError()
    assert is_disk_full(error)
    assert not is_disk_full(OperationalError("the connection is closed"))


@pytest.mark.parametrize(
    ("number", "is_full"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)],
)
def test_the_file_system_says_it_by_number(number: int, is_full: bool) -> None:
    assert is_disk_full(OSError(number, "")) == is_full
    assert not is_disk_full(ValueError())


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (OSError(errno.EROFS, ""), True),
        (OSError(errno.EIO, ""), True),
        (OSError(errno.ESTALE, ""), True),
        (OSError(errno.ENOTCONN, "", "a file"), True),
        (OSError(errno.ENOTCONN, ""), False),  # the socket of a client that was cut
        (OSError(errno.ENOMEM, "", "a folder"), True),
        (OSError(errno.ENOMEM, ""), False),  # no process could be started
        (OSError(errno.ENOSPC, ""), False),
        (FileNotFoundError(errno.ENOENT, ""), False),
        (ConnectionResetError(errno.ECONNRESET, ""), False),
        (StorageUnavailableError(), True),
        (ValueError(), False),
    ],
)
def test_a_disk_that_is_away_is_told_from_what_is_missing(error: Exception, is_away: bool) -> None:
    assert is_disk_away(error) == is_away


def test_a_trial_leaves_nothing(tmp_path: Path) -> None:
    try_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        try_write(tmp_path / "not there")
