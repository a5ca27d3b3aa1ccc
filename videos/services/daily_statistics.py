"""Counts what happens on each day, for the charts of the admin.

A day is one of UTC, as the days of views are (`View.day`), so that all charts have the same days
and none of 23 or 25 hours. Each run counts today again, and every day that has not been counted
since it was over: yesterday after midnight, days on which the site was stopped, and at the first
run the last two years. A day is counted by indexes, so its cost is that of its own rows.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import BigIntegerField, Count, F, Sum, Value
from django.db.models.functions import Greatest, TruncDate

from clipset.database.clock import LEASE_SLACK, bring_back, database_now, log_mend
from clipset.workers.stopping import is_stopping
from siteconfig.services.heartbeat import days_alive_ahead
from videos.models import Comment, DailyStatistics, Job, JobKind, JobState, Video, View
from videos.services.stored_bytes import bytes_on_disk, measure_stored_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# The longest range of the page, and as many days before, with which it is compared.
DAYS_COUNTED: Final = 2 * 365
BATCH_DAYS: Final = 30
COUNTS: Final = ("uploads", "uploaded_bytes", "views", "comments", "failures")
# A transaction may commit a row that it created just before midnight.
SETTLED_AFTER: Final = timedelta(minutes=10)
ONE_DAY: Final = timedelta(days=1)


def count_days(*, now: datetime | None = None) -> int:
    """Counts today and all days that were not counted since they were over, the newest first.

    These are stored in batches, so a run that is killed goes on with the next one. Two runs at once
    do no harm: a count is only ever replaced by a higher one. Returns how many days it counted;
    none while the clock is behind.
    """
    now = now or database_now()
    if days_alive_ahead(now=now) > 1:
        logger.warning("Nothing is counted: the clock is behind the days on which the site ran.")
        return 0
    discard_future_days(now=now)
    today = now.astimezone(UTC).date()
    _count_today(today, now=now)
    counted = 1
    unsettled = _unsettled_days(today)
    for start in range(0, len(unsettled), BATCH_DAYS):
        if is_stopping():
            break
        days = unsettled[start : start + BATCH_DAYS]
        _count_past(days, now=now)
        counted += len(days)
    return counted


def count_all_again() -> None:
    """Deletes all days, so that the next run counts them from the rows there are. For sample data,
    which arrives and leaves with a past of its own: what was deleted by then is not counted."""
    DailyStatistics.objects.all().delete()


def discard_future_days(*, now: datetime) -> int:
    """Deletes the rows of days that are still to come, which a clock that was ahead created, and
    has days counted again that were counted then. Two queries if there are none.

    Not to be called while the clock is behind. Returns how many rows it deleted.
    """
    today = now.astimezone(UTC).date()
    future = DailyStatistics.objects.filter(day__gt=today)
    deleted = 0
    if future.exists():
        deleted, _ = future.delete()
        log_mend("daily_statistics.day", rows=deleted, to=now)
    bring_back(DailyStatistics.objects.all(), "counted_at", after=now + LEASE_SLACK, to=now)
    return deleted


def _unsettled_days(today: date) -> list[date]:
    """Returns the days before today that were not counted since they were over, the newest first.
    One query of at most DAYS_COUNTED rows."""
    days = [today - timedelta(days=back) for back in range(1, DAYS_COUNTED)]
    rows = DailyStatistics.objects.filter(day__gte=days[-1], day__lte=days[0])
    settled = {
        day
        for day, counted_at in rows.values_list("day", "counted_at")
        if counted_at >= _begin(day + ONE_DAY) + SETTLED_AFTER
    }
    return [day for day in days if day not in settled]


def _count_today(today: date, *, now: datetime) -> None:
    """Counts today and measures what is stored. Five queries, then two that write."""
    stored, shares = measure_stored_bytes()
    counts, _ = _counts(today, today)
    with transaction.atomic():
        row = DailyStatistics(day=today, counted_at=now)
        DailyStatistics.objects.bulk_create([row], ignore_conflicts=True)
        _raise_counts(today, counts[today], stored_bytes=stored, shares=shares, counted_at=now)


def _count_past(days: Sequence[date], *, now: datetime) -> None:
    """Counts days that are over, the newest first. Five queries, then one that writes and one more
    for each day that was counted before it was over."""
    first, after = days[-1], days[0] + ONE_DAY
    counts, added = _counts(first, after)
    known = DailyStatistics.objects.filter(day__gte=first, day__lte=after)
    stored = dict(known.values_list("day", "stored_bytes"))
    before = set(days) & set(stored)
    _reckon_stored(stored, added, first, after)
    rows = [
        DailyStatistics(day=day, counted_at=now, stored_bytes=stored[day], **counts[day])
        for day in days
    ]
    with transaction.atomic():
        DailyStatistics.objects.bulk_create(rows, ignore_conflicts=True)
        for day in before:
            _raise_counts(day, counts[day], stored_bytes=stored[day], counted_at=now)


def _raise_counts(day: date, counts: Mapping[str, int], **changes: object) -> None:
    """Stores the counts that are higher than before, and other columns."""
    higher = {
        name: Greatest(F(name), Value(count), output_field=BigIntegerField())
        for name, count in counts.items()
    }
    DailyStatistics.objects.filter(pk=day).update(**higher, **changes)


def _reckon_stored(
    stored: dict[date, int | None], added: Mapping[date, int], first: date, after: date
) -> None:
    """Completes `stored`, from the day before `after` back to `first`, for days on which nobody
    measured: what the next day had, without the videos that were uploaded on that next day and are
    still there."""
    day = after
    while day > first:
        later, day = day, day - ONE_DAY
        next_one = stored.get(later)
        if stored.get(day) is None:
            stored[day] = None if next_one is None else max(0, next_one - added.get(later, 0))


def _counts(first: date, last: date) -> tuple[dict[date, dict[str, int]], dict[date, int]]:
    """Counts the rows of each day by the names of columns, and the bytes that are stored for the
    videos of each day. Four queries, each by an index on the time."""
    begin, end = _begin(first), _begin(last + ONE_DAY)
    videos = Video.objects.filter(created_at__gte=begin, created_at__lt=end)
    comments = Comment.objects.filter(created_at__gte=begin, created_at__lt=end)
    failed = Job.objects.filter(
        state=JobState.FAILED, finished_at__gte=begin, finished_at__lt=end
    ).exclude(kind=JobKind.ENRICH)  # those leave a video that can be watched
    views = View.objects.filter(day__gte=first, day__lte=last)
    found: dict[date, dict[str, int]] = {
        first + timedelta(days=n): dict.fromkeys(COUNTS, 0) for n in range((last - first).days + 1)
    }
    added: dict[date, int] = {}
    for day, uploads, size, on_disk in _by_day(videos, "created_at").annotate(
        n=Count("pk"), size=Sum("file_size_bytes"), on_disk=Sum(bytes_on_disk())
    ):
        found[day] |= {"uploads": uploads, "uploaded_bytes": size}
        added[day] = on_disk
    for name, rows in (
        ("comments", _by_day(comments, "created_at")),
        ("failures", _by_day(failed, "finished_at")),
        ("views", views.order_by().values_list("day")),
    ):
        for day, count in rows.annotate(n=Count("pk")):
            found[day][name] = count
    return found, added


def _by_day(rows: Any, column: str) -> QuerySet[Any, tuple[Any, ...]]:
    """Groups rows by the day of a time."""
    grouped: QuerySet[Any, tuple[Any, ...]] = (
        rows.order_by().annotate(at_day=TruncDate(column, tzinfo=UTC)).values_list("at_day")
    )
    return grouped


def _begin(day: date) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), UTC)
