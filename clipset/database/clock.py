"""Protection against wrong clocks: one shared clock, and repair of times too far in the future."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# A time is repaired if it is later, by more than this, than any time the code could have written.
# The second value is for leases and schedules, which only the database's own clock writes.
DATE_SLACK: Final = timedelta(hours=1)
LEASE_SLACK: Final = timedelta(minutes=1)


def database_now() -> datetime:
    """The current time by the clock that all hosts of the site share: PostgreSQL's (one query).

    SQLite has no clock, but its site has only one host. Leases are compared with this time: a host
    whose clock is ahead would otherwise take leases from healthy workers.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment


def bring_back(rows: QuerySet[Any], field: str, *, after: datetime, to: datetime) -> int:
    """Sets `field` to `to` in the rows where it is later than `after`, and logs it.

    Returns the number of changed rows. One query if there are none.
    """
    ahead = rows.filter(**{f"{field}__gt": after})
    # SQLite takes its write lock even for an UPDATE of no rows.
    if not ahead.exists():
        return 0
    changed = ahead.update(**{field: to})
    log_mend(f"{rows.model._meta.db_table}.{field}", rows=changed, to=to)
    return changed


def log_mend(column: str, *, rows: int, to: datetime) -> None:
    """Logs a repair; `column` names the table and the column."""
    logger.warning(
        "The clock was ahead for a while: %s was reset in %d rows to %s.",
        column,
        rows,
        f"{to:%Y-%m-%d %H:%M:%S %Z}",
    )
