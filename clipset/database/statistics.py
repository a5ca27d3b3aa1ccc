"""Statistics by which the database chooses indexes."""

from __future__ import annotations

from django.db import connection, transaction

# SQLite's word for an index that may not be used without its first column. Where few members have
# most videos, it would rather look through an index of theirs and sort the whole site than follow
# the index of the list in its order.
NO_SKIP_SCAN = (
    "UPDATE sqlite_stat1 SET stat = stat || ' noskipscan'"
    " WHERE idx IS NOT NULL AND instr(stat, 'noskipscan') = 0"
)
READ_THEM = "ANALYZE sqlite_schema"


def refresh_statistics() -> None:
    """Updates SQLite's statistics. PostgreSQL's autovacuum does this automatically.

    Without statistics, SQLite uses the index of a status that nearly all rows have, and sorts all
    of them.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with transaction.atomic():
            cursor.execute(NO_SKIP_SCAN)
            cursor.execute(READ_THEM)
