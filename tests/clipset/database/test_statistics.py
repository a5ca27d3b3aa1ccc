from __future__ import annotations

import pytest
from django.db import connection

from clipset.database.statistics import refresh_statistics
from tests.builders import make_user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's statistics"),
]


def test_no_index_is_used_without_its_first_column() -> None:
    """SQLite sorted all videos of the site for each page of the feed, where few members had most
    of them."""
    make_user()
    for _ in range(2):
        refresh_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE idx IS NOT NULL")
        found = [stat for (stat,) in cursor.fetchall()]
    assert found
    assert all(stat.count("noskipscan") == 1 for stat in found), found
