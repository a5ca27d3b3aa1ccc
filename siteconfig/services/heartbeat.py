"""The days on which the site ran. Deletions by age count these days instead of calendar days.

The dates are by the database's clock, so that the hosts of a site agree on them. A clock that is 40
days ahead for a minute adds only one such day, so that nothing is deleted too early because of it.
Days on which the site was stopped do not count either.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from clipset.database.clock import database_now
from siteconfig.models import DayAlive

# A moment before any row was written: nothing is older than it.
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def mark_alive(*, now: datetime | None = None) -> None:
    """Records that the site runs today. One query if this has been recorded already."""
    today = _date(now or database_now())
    if not DayAlive.objects.filter(pk=today).exists():
        DayAlive.objects.bulk_create([DayAlive(date=today)], ignore_conflicts=True)


def alive_before(*, days: int, now: datetime | None = None) -> datetime:
    """Returns the moment `days` days before now, counting only days on which the site ran.

    That is `now - days` if the site ran every day, and `NEVER` if it has not run on so many days.
    One query.

    Today is not counted if the site did not run yesterday: the clock may have jumped to today by
    mistake and may be corrected in a minute.
    """
    now = now or database_now()
    today = _date(now)
    dates = list(
        DayAlive.objects.filter(pk__lte=today)
        .order_by("-pk")
        .values_list("pk", flat=True)[: days + 2]
    )
    if dates[:1] == [today] and dates[1:2] != [today - timedelta(days=1)]:
        del dates[0]
    if len(dates) <= days:
        return NEVER
    return datetime.combine(dates[days], now.astimezone(UTC).timetz())


def days_alive_ahead(*, now: datetime | None = None) -> int:
    """Returns on how many days after today the site has already run. One query.

    Several such days mean that the clock is behind now. A single one means that it was ahead for a
    while.
    """
    return DayAlive.objects.filter(pk__gt=_date(now or database_now())).count()


def newest_day() -> datetime | None:
    """Returns the beginning of the newest day on which the site ran."""
    newest = DayAlive.objects.order_by("-pk").values_list("pk", flat=True).first()
    return datetime.combine(newest, time(tzinfo=UTC)) if newest else None


def _date(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
