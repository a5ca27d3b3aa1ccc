"""Statistics by which the database chooses indexes."""

from __future__ import annotations

from django.db import connection


def refresh_statistics() -> None:
    """Updates SQLite's statistics. PostgreSQL's autovacuum does this automatically.

    Without statistics, SQLite uses the index of a status that nearly all rows have, and sorts all
    of them.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
