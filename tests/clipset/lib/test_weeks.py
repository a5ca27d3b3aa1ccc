from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipset.lib.weeks import latest_boundary, next_boundary
from tests.examples import examples

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",  # skips midnight on Sundays, until 2018
    "Asia/Beirut",  # skips midnight
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Apia",  # skipped Friday, 2011-12-30
    "Pacific/Kwajalein",  # skipped a Saturday in August 1993
    "America/St_Johns",  # changed at 00:01, until 2011
    "Australia/Lord_Howe",  # half an hour
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Antarctica/Troll",  # two hours
    "America/New_York",
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "now", "latest", "following"),
    [
        # 2024-05-05 is a Sunday.
        ("UTC", 0, 0, "2024-05-05T00:00", "2024-05-05T00:00", "2024-05-12T00:00"),
        ("UTC", 0, 0, "2024-05-04T23:59:59.999999", "2024-04-28T00:00", "2024-05-05T00:00"),
        ("UTC", 0, 0, "2024-05-08T12:00", "2024-05-05T00:00", "2024-05-12T00:00"),
        ("UTC", 6, 0, "2024-05-05T00:00", "2024-05-04T00:00", "2024-05-11T00:00"),
        ("UTC", 1, 0, "2024-05-05T12:00", "2024-04-29T00:00", "2024-05-06T00:00"),
        ("UTC", 0, 23, "2024-05-05T22:59", "2024-04-28T23:00", "2024-05-05T23:00"),
        # Over the turn of the year, and a leap day.
        ("UTC", 0, 0, "2025-01-01T00:00", "2024-12-29T00:00", "2025-01-05T00:00"),
        ("UTC", 4, 0, "2024-02-29T00:00", "2024-02-29T00:00", "2024-03-07T00:00"),
        # The local day counts, not the UTC one.
        ("Asia/Kolkata", 0, 0, "2024-05-04T18:30", "2024-05-04T18:30", "2024-05-11T18:30"),
        ("Asia/Kolkata", 0, 0, "2024-05-04T18:29", "2024-04-27T18:30", "2024-05-04T18:30"),
        ("America/New_York", 0, 0, "2024-05-05T03:59", "2024-04-28T04:00", "2024-05-05T04:00"),
        # Berlin: 02:00 is skipped on 2024-03-31, comes twice on 2024-10-27.
        ("Europe/Berlin", 0, 2, "2024-03-31T01:00", "2024-03-31T01:00", "2024-04-07T00:00"),
        ("Europe/Berlin", 0, 2, "2024-03-31T00:59", "2024-03-24T01:00", "2024-03-31T01:00"),
        ("Europe/Berlin", 0, 3, "2024-03-31T01:00", "2024-03-31T01:00", "2024-04-07T01:00"),
        ("Europe/Berlin", 0, 2, "2024-10-27T00:00", "2024-10-27T00:00", "2024-11-03T01:00"),
        ("Europe/Berlin", 0, 2, "2024-10-27T01:00", "2024-10-27T00:00", "2024-11-03T01:00"),
        ("Europe/Berlin", 0, 0, "2024-03-31T12:00", "2024-03-30T23:00", "2024-04-06T22:00"),
        # Sao Paulo: 2018-11-04 began at 01:00.
        ("America/Sao_Paulo", 0, 0, "2018-11-04T03:00", "2018-11-04T03:00", "2018-11-11T02:00"),
        ("America/Sao_Paulo", 0, 0, "2018-11-04T02:59", "2018-10-28T03:00", "2018-11-04T03:00"),
        # and 2018-02-18 00:00 fell back to 23:00 of Saturday: Sunday begins once, Saturday's 23:00
        # comes twice.
        ("America/Sao_Paulo", 0, 0, "2018-02-18T02:30", "2018-02-11T02:00", "2018-02-18T03:00"),
        ("America/Sao_Paulo", 6, 23, "2018-02-18T02:30", "2018-02-18T01:00", "2018-02-25T02:00"),
        # Beirut: 2024-03-31 began at 01:00.
        ("Asia/Beirut", 0, 0, "2024-03-30T22:00", "2024-03-30T22:00", "2024-04-06T21:00"),
        ("Asia/Beirut", 0, 0, "2024-03-30T21:59", "2024-03-23T22:00", "2024-03-30T22:00"),
        # Apia: no 2011-12-30 (a Friday); Saturday began at 2011-12-30T10:00Z.
        ("Pacific/Apia", 5, 0, "2011-12-30T10:00", "2011-12-30T10:00", "2012-01-05T10:00"),
        ("Pacific/Apia", 5, 17, "2011-12-30T10:00", "2011-12-30T10:00", "2012-01-06T03:00"),
        ("Pacific/Apia", 5, 17, "2011-12-30T09:59", "2011-12-24T03:00", "2011-12-30T10:00"),
        ("Pacific/Apia", 6, 0, "2011-12-30T10:00", "2011-12-30T10:00", "2012-01-06T10:00"),
        ("Pacific/Apia", 4, 5, "2011-12-30T10:00", "2011-12-29T15:00", "2012-01-04T15:00"),
        # St. John's: 00:01 fell back to 23:01 of Saturday, so Sunday began twice; the first counts.
        ("America/St_Johns", 0, 0, "2010-11-07T03:00", "2010-11-07T02:30", "2010-11-14T03:30"),
        # and 00:01 sprang to 01:01: 01:00 was skipped.
        ("America/St_Johns", 0, 1, "2010-03-14T03:31", "2010-03-14T03:31", "2010-03-21T03:30"),
    ],
)
def test_boundaries(zone: str, day: int, hour: int, now: str, latest: str, following: str) -> None:
    where = ZoneInfo(zone)
    assert latest_boundary(utc(now), day=day, hour=hour, zone=where) == utc(latest)
    assert next_boundary(utc(now), day=day, hour=hour, zone=where) == utc(following)


days = st.integers(0, 6)
hours = st.integers(0, 23)
zones = st.sampled_from(ZONES).map(ZoneInfo)
# Times some days around the jumps of clocks, and arbitrary times.
JUMPS = ("2018-02-18", "2018-11-04", "2011-12-30", "2010-11-07", "2010-03-14", "1993-08-21")
instants = st.one_of(
    st.integers(0, 60 * 365 * 86400).map(
        lambda seconds: utc("1980-01-01") + timedelta(seconds=seconds)
    ),
    st.builds(
        lambda jump, hours: utc(jump) + timedelta(hours=hours),
        st.sampled_from(JUMPS),
        st.floats(-200, 200),
    ),
)


@given(instants, days, hours, zones)
def test_now_lies_between_the_two_boundaries(
    now: datetime, day: int, hour: int, zone: ZoneInfo
) -> None:
    latest = latest_boundary(now, day=day, hour=hour, zone=zone)
    following = next_boundary(now, day=day, hour=hour, zone=zone)
    assert latest <= now < following
    assert latest.tzinfo is UTC
    assert following.tzinfo is UTC
    assert timedelta(days=6) <= following - latest <= timedelta(days=8)


@given(instants, days, hours, zones)
def test_a_boundary_is_its_own_latest_one(
    now: datetime, day: int, hour: int, zone: ZoneInfo
) -> None:
    latest = latest_boundary(now, day=day, hour=hour, zone=zone)
    following = next_boundary(now, day=day, hour=hour, zone=zone)
    assert latest_boundary(latest, day=day, hour=hour, zone=zone) == latest
    assert next_boundary(latest, day=day, hour=hour, zone=zone) == following
    assert latest_boundary(following, day=day, hour=hour, zone=zone) == following
    just_before = following - timedelta(microseconds=1)
    assert latest_boundary(just_before, day=day, hour=hour, zone=zone) == latest


@given(instants, days, hours, zones, zones)
def test_the_zone_in_which_now_is_given_does_not_matter(
    now: datetime, day: int, hour: int, zone: ZoneInfo, other: ZoneInfo
) -> None:
    there = now.astimezone(other)
    assert latest_boundary(there, day=day, hour=hour, zone=zone) == latest_boundary(
        now, day=day, hour=hour, zone=zone
    )


def walked(now: datetime, day: int, hour: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The boundaries around `now`, found by checking the clock at every minute.

    A boundary is the minute in which the clock shows the time, or one behind it, for the first
    time ever: its highest reading so far is kept.
    """
    minute = now.replace(second=0, microsecond=0) - timedelta(days=11)
    highest = minute.astimezone(zone).replace(tzinfo=None)
    latest: datetime | None = None
    while True:
        minute += timedelta(minutes=1)
        shown = minute.astimezone(zone).replace(tzinfo=None)
        if shown <= highest:
            continue
        if shown.hour == hour or shown - highest > timedelta(minutes=1):
            target = shown.replace(hour=hour, minute=0)
            candidates = (target, target - timedelta(days=1))
            if any(highest < it <= shown and it.isoweekday() % 7 == day for it in candidates):
                if minute > now:
                    assert latest is not None
                    return latest, minute
                latest = minute
        highest = shown


@settings(max_examples=examples(60), deadline=None)
@given(instants, days, hours, zones)
@example(utc("2018-11-04T02:59"), 0, 0, ZoneInfo("America/Sao_Paulo"))
@example(utc("2018-02-18T02:30"), 0, 0, ZoneInfo("America/Sao_Paulo"))
@example(utc("2018-02-18T02:30"), 6, 23, ZoneInfo("America/Sao_Paulo"))
@example(utc("2011-12-30T10:00"), 5, 17, ZoneInfo("Pacific/Apia"))
@example(utc("2011-12-30T10:00"), 4, 23, ZoneInfo("Pacific/Apia"))
@example(utc("1993-08-21T00:00"), 6, 12, ZoneInfo("Pacific/Kwajalein"))
@example(utc("2010-11-07T02:45"), 0, 0, ZoneInfo("America/St_Johns"))
@example(utc("2010-11-07T02:45"), 6, 23, ZoneInfo("America/St_Johns"))
@example(utc("2010-03-14T03:31"), 0, 1, ZoneInfo("America/St_Johns"))
@example(utc("2024-03-30T22:30"), 0, 0, ZoneInfo("Asia/Beirut"))
@example(utc("2024-10-27T00:30"), 0, 2, ZoneInfo("Europe/Berlin"))
def test_the_same_as_walking_by_the_minute(
    now: datetime, day: int, hour: int, zone: ZoneInfo
) -> None:
    assert walked(now, day, hour, zone) == (
        latest_boundary(now, day=day, hour=hour, zone=zone),
        next_boundary(now, day=day, hour=hour, zone=zone),
    )


@pytest.mark.parametrize(("day", "hour"), [(-1, 0), (7, 0), (0, -1), (0, 24)])
def test_a_day_or_an_hour_out_of_range_is_refused(day: int, hour: int) -> None:
    for boundary in (latest_boundary, next_boundary):
        with pytest.raises(ValueError, match="must be 0"):
            boundary(utc("2024-05-05T00:00"), day=day, hour=hour, zone=ZoneInfo("UTC"))


def test_a_naive_now_is_refused() -> None:
    for boundary in (latest_boundary, next_boundary):
        with pytest.raises(ValueError, match="aware"):
            boundary(datetime.fromisoformat("2024-05-05"), day=0, hour=0, zone=ZoneInfo("UTC"))
