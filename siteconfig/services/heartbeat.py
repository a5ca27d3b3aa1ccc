"""The days on which the site was alive, by which everything is deleted that is deleted by age.

The clock is the database's, so that the hosts of a site agree on the date. One that runs 40 days
ahead for a minute adds one such day at most, so that nothing expires by it for good; days on which
the site was off make nothing older either.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from clipset.database.clock import database_now
from siteconfig.models import DayAlive

# Before anything that the site has: nothing is old enough.
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def mark_alive(*, now: datetime | None = None) -> None:
    """Notes that the site is alive today. Harmless when that is noted already (one query)."""
    today = _date(now or database_now())
    if not DayAlive.objects.filter(pk=today).exists():
        DayAlive.objects.bulk_create([DayAlive(date=today)], ignore_conflicts=True)


def alive_before(*, days: int, now: datetime | None = None) -> datetime:
    """The moment since which the site was alive on at least so many days: what lies before it is
    older than that. `now - days` when the site was alive each day; `NEVER` when there were not so
    many. One query.

    Today does not count when the site was not alive yesterday: the clock may have leapt here, and
    may be set right again in a minute.
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
    """On how many days after today the site was alive already: several mean that the clock is
    behind now rather than that it was ahead for a while. One query."""
    return DayAlive.objects.filter(pk__gt=_date(now or database_now())).count()


def newest_day() -> datetime | None:
    """The beginning of the newest day on which the site was alive."""
    newest = DayAlive.objects.order_by("-pk").values_list("pk", flat=True).first()
    return datetime.combine(newest, time(tzinfo=UTC)) if newest else None


def _date(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
