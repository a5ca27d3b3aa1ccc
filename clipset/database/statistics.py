"""What the database knows of its own tables, by which it chooses indexes."""

from __future__ import annotations

from django.db import connection


def refresh_statistics() -> None:
    """On SQLite, which never does by itself: without them it takes the index of a state that nearly
    all rows have, and sorts them all. PostgreSQL's autovacuum does it there."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
