"""Clocks that are wrong: which clock rules, and moments that lie too far ahead."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# How much further ahead than the code ever writes a moment may lie before it is brought back: for
# dates, and for leases and schedules, which nobody but the database's own clock writes.
DATE_SLACK: Final = timedelta(hours=1)
LEASE_SLACK: Final = timedelta(minutes=1)


def database_now() -> datetime:
    """The moment by the clock that all hosts of the site share: PostgreSQL's (one query). SQLite
    has no clock of its own, and its site has one host only.

    Leases compare with it: a host whose clock is ahead would take them from healthy workers.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment


def bring_back(rows: QuerySet[Any], field: str, *, after: datetime, to: datetime) -> int:
    """Sets `field` of the rows in which it lies after `after` to `to`, and logs it. Returns how
    many rows that were. One query when there are none."""
    ahead = rows.filter(**{f"{field}__gt": after})
    # SQLite would take its write lock for an UPDATE of no rows, too.
    if not ahead.exists():
        return 0
    changed = ahead.update(**{field: to})
    log_mend(f"{rows.model._meta.db_table}.{field}", rows=changed, to=to)
    return changed


def log_mend(what: str, *, rows: int, to: datetime) -> None:
    logger.warning(
        "The clock was ahead for a while: %s of %d rows was brought back to %s.",
        what,
        rows,
        f"{to:%Y-%m-%d %H:%M:%S %Z}",
    )
