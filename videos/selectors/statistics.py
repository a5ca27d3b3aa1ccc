"""The charts of the admin's page Statistics, from the rows of its days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from django.utils import timezone

from clipset.lib.units import human_bytes
from videos.models import DailyStatistics
from videos.selectors.stored_shares import StoredShares, stored_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RANGES: Final = (7, 30, 365)  # days
DEFAULT_RANGE: Final = 30
MAX_BARS: Final = 60  # above that, bars stand for weeks
WEEK: Final = 7
# Days are counted every hour, so that something is wrong by then.
STALE_AFTER: Final = timedelta(hours=3)

_Row = TypeVar("_Row")


class Day(NamedTuple):
    """The columns of DailyStatistics that the charts need."""

    day: date
    uploads: int = 0
    uploaded_bytes: int = 0
    views: int = 0
    comments: int = 0
    failures: int = 0
    stored_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day or week of a chart, or one point of a line."""

    label: str  # "2026-11-30", or "2026-11-24 to 2026-11-30"
    short: str  # "Nov 30"
    value: int
    text: str  # of the value, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart over time, the oldest day or week first. `empty` is a sentence, shown without any."""

    name: str
    title: str
    is_line: bool
    is_bytes: bool
    bars: list[Bar]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The sum of the range, and what it was in the range before."""

    title: str
    text: str
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The page. `counted_at` is None before the first run of the schedule."""

    days: int
    step: str  # what a bar stands for: "Day" or "Week"
    counted_at: datetime | None
    is_stale: bool
    totals: list[Total]
    charts: list[Chart]
    shares: list[StoredShares]


class _Figure(NamedTuple):
    name: str
    title: str
    noun: str
    is_bytes: bool = False


FIGURES: Final = (
    _Figure("uploads", "Uploads", "uploads"),
    _Figure("uploaded_bytes", "Uploaded data", "uploads", is_bytes=True),
    _Figure("views", "Views", "views"),
    _Figure("comments", "Comments", "comments"),
    _Figure("failures", "Failures", "failures"),
)


def statistics(days: int, *, now: datetime | None = None) -> Statistics:
    """The statistics of the last `days` days, today included. Five queries at most.

    Days are those of UTC (videos.services.daily_statistics). Days in the future, which a clock that
    was ahead may have counted, are left out.
    """
    now = now or timezone.now()
    last = now.astimezone(UTC).date()
    rows = _rows(last - timedelta(days=2 * days - 1), last)
    counted_at = _counted_at(last)
    before, current = rows[:days], rows[days:]
    return Statistics(
        days=days,
        step="Day" if days <= MAX_BARS else "Week",
        counted_at=counted_at,
        is_stale=counted_at is not None and counted_at < now - STALE_AFTER,
        totals=[*(_total(it, current, before) for it in FIGURES), _stored_total(current, before)],
        charts=[*(_chart(it, current) for it in FIGURES), _stored_chart(current)],
        shares=stored_shares(last),
    )


def _rows(first: date, last: date) -> list[Day]:
    """One for each day; those that nobody has counted have zeros. One query."""
    columns = DailyStatistics.objects.filter(day__gte=first, day__lte=last).values_list(
        *Day._fields
    )
    found = {day.day: day for day in (Day(*row) for row in columns)}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [found.get(day, Day(day)) for day in days]


def _counted_at(last: date) -> datetime | None:
    """When the newest day was counted. One query."""
    newest = DailyStatistics.objects.filter(day__lte=last).order_by("-day")
    return newest.values_list("counted_at", flat=True).first()


# -- totals ---------------------------------------------------------------------------------------


def _total(figure: _Figure, current: Sequence[Day], before: Sequence[Day]) -> Total:
    value, earlier = (sum(getattr(day, figure.name) for day in days) for days in (current, before))
    sentence = f"None in the {len(before)} days before"
    if earlier:
        sentence = f"{_text(figure.is_bytes, earlier)} in the {len(before)} days before"
        sentence += _change(value, earlier)
    return Total(title=figure.title, text=_text(figure.is_bytes, value), before=sentence)


def _change(value: int, earlier: int) -> str:
    """ " (+50%)", or "" where a percentage says little."""
    percent = round(100 * (value - earlier) / earlier)
    return "" if abs(percent) > 999 else f" ({_signed(percent)}%)"


def _signed(number: int) -> str:
    return f"+{number}" if number > 0 else f"−{-number}" if number else "±0"


def _stored_total(current: Sequence[Day], before: Sequence[Day]) -> Total:
    value, earlier = _stored(current), _stored(before)
    sign = "+" if value > earlier else "−" if value < earlier else "±"
    change = f"{sign}{human_bytes(abs(value - earlier))} in these {len(current)} days"
    return Total(title="Storage", text=human_bytes(value), before=change)


def _stored(days: Sequence[Day]) -> int:
    """The last stored bytes that are known; 0 if none are."""
    known = (day.stored_bytes for day in reversed(days) if day.stored_bytes is not None)
    return next(known, 0)


# -- charts ---------------------------------------------------------------------------------------


def _chart(figure: _Figure, days: Sequence[Day]) -> Chart:
    bars = _bars(days, figure.is_bytes, lambda some: sum(getattr(it, figure.name) for it in some))
    return Chart(
        name=figure.name,
        title=figure.title,
        is_line=False,
        is_bytes=figure.is_bytes,
        bars=bars if any(bar.value for bar in bars) else [],
        empty=f"No {figure.noun} in these {len(days)} days.",
    )


def _stored_chart(days: Sequence[Day]) -> Chart:
    bars = _bars(days, True, _stored)
    return Chart(
        name="stored_bytes",
        title="Storage",
        is_line=True,
        is_bytes=True,
        bars=bars if any(bar.value for bar in bars) else [],
        empty="No stored videos.",
    )


def _bars(
    days: Sequence[Day], is_bytes: bool, value_of: Callable[[Sequence[Day]], int]
) -> list[Bar]:
    bars = []
    for some in _steps(days):
        first, last, value = some[0].day, some[-1].day, value_of(some)
        label = f"{first}" if first == last else f"{first} to {last}"
        short = f"{first:%b} {first.day}"
        bars.append(Bar(label=label, short=short, value=value, text=_text(is_bytes, value)))
    return bars


def _steps(days: Sequence[_Row]) -> list[Sequence[_Row]]:
    """Single days, or weeks that end today: whole ones, so that bars can be compared. The oldest
    one has a day or more than the others, so that the bars' sum is that of the range."""
    size = 1 if len(days) <= MAX_BARS else WEEK
    longest = size + len(days) % size
    starts = [0, *range(longest, len(days), size)]
    return [days[start:end] for start, end in zip(starts, [*starts[1:], len(days)], strict=True)]


def _text(is_bytes: bool, value: int) -> str:
    return human_bytes(value) if is_bytes else f"{value:,}"
