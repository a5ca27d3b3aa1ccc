"""Boundaries of weeks: a wall-clock time of one weekday in one time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def latest_boundary(now: datetime, *, day: int, hour: int, zone: ZoneInfo) -> datetime:
    """The last boundary at or before `now`, in UTC.

    If the clock skips the time, the boundary is the first instant after the gap; if the time occurs
    twice, it is the first.

    Args:
        now: an aware datetime.
        day: 0 (Sunday) to 6 (Saturday).
        hour: 0 to 23, on the clocks of `zone`.

    Raises: ValueError for a naive `now`, and for a day or an hour out of range.
    """
    return max(moment for moment in _boundaries_around(now, day, hour, zone) if moment <= now)


def next_boundary(now: datetime, *, day: int, hour: int, zone: ZoneInfo) -> datetime:
    """The first boundary after `now`, in UTC; otherwise like `latest_boundary`."""
    return min(moment for moment in _boundaries_around(now, day, hour, zone) if moment > now)


def _boundaries_around(now: datetime, day: int, hour: int, zone: ZoneInfo) -> list[datetime]:
    """Four consecutive boundaries around `now`.

    Normally two would do. Jumps of the clock, up to a day at the date line, can move the boundary
    of a date before or after all instants of that date, so there is one more on either side.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    if not 0 <= day <= 6:
        raise ValueError(f"day must be 0 (Sunday) to 6 (Saturday), not {day}")
    if not 0 <= hour <= 23:
        raise ValueError(f"hour must be 0 to 23, not {hour}")
    today = now.astimezone(zone).date()
    this_week = today - timedelta(days=(today.isoweekday() - day) % 7)
    return [_instant(this_week + timedelta(weeks=n), hour, zone) for n in (-1, 0, 1, 2)]


def _instant(on: date, hour: int, zone: ZoneInfo) -> datetime:
    """The first instant at which the clocks of `zone` show this time or have just skipped it.

    For a time in a gap, `fold=0` uses the offset before the gap and gives an instant after the
    jump; `fold=1` uses the offset after the gap and gives an instant before it (PEP 495).
    """
    wall = datetime.combine(on, time(hour))
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(found, zone) == wall:
        return found
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    while (seconds := int((after - before).total_seconds())) > 1:
        middle = before + timedelta(seconds=seconds // 2)
        if _wall(middle, zone) >= wall:
            after = middle
        else:
            before = middle
    return after


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
