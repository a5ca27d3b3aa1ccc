"""A shorter wait for SQLite's lock."""

from __future__ import annotations

import pytest
from django.db import connection

from clipset.database.lock_waits import waiting_at_most


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_shorter_wait_ends_with_the_one_around_it() -> None:
    def patience() -> int:  # milliseconds
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout")
            return int(cursor.fetchone()[0])

    usual = patience()
    with waiting_at_most(0.25):
        assert patience() == 250
        with waiting_at_most(0.003):
            assert patience() == 3
        assert patience() == 250
    assert patience() == usual
