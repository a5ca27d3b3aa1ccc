"""Age is counted in days on which the site ran."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from siteconfig.models import DayAlive
from siteconfig.services.heartbeat import NEVER, alive_before, days_alive_ahead, mark_alive
from tests.builders import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 29, 15, 30, tzinfo=UTC)


def live_through(first: datetime, last: datetime) -> None:
    while first <= last:
        mark_alive(now=first)
        first += timedelta(days=1)


def test_a_site_that_is_always_alive_counts_as_the_clock_does() -> None:
    live_through(NOW - timedelta(days=30), NOW)
    for days in (1, 2, 14, 30):
        assert alive_before(days=days, now=NOW) == NOW - timedelta(days=days)


def test_nothing_is_old_on_a_site_that_was_not_alive_for_so_long() -> None:
    assert alive_before(days=1, now=NOW) == NEVER
    live_through(NOW - timedelta(days=13), NOW)
    assert alive_before(days=14, now=NOW) == NEVER


def test_a_day_is_marked_once() -> None:
    mark_alive(now=NOW)
    mark_alive(now=NOW + timedelta(hours=1))
    assert DayAlive.objects.get().date == date(2026, 11, 29)


def test_a_clock_that_leaps_ahead_makes_nothing_older() -> None:
    live_through(NOW - timedelta(days=30), NOW)
    leapt = NOW + timedelta(days=40)
    mark_alive(now=leapt)
    assert alive_before(days=2, now=leapt) == NOW - timedelta(days=2)
    assert alive_before(days=2, now=NOW) == NOW - timedelta(days=2)
    assert days_alive_ahead(now=NOW) == 1


def test_a_clock_that_stays_ahead_makes_it_older_day_by_day() -> None:
    live_through(NOW - timedelta(days=30), NOW)
    leapt = NOW + timedelta(days=40)
    live_through(leapt, leapt + timedelta(days=1))
    # The latest days on which the site ran: 9 and 8 January, 29, 28 and 27 November.
    assert alive_before(days=3, now=leapt + timedelta(days=1)) == NOW - timedelta(days=1)


def test_days_on_which_the_site_was_off_make_nothing_older() -> None:
    live_through(NOW - timedelta(days=60), NOW - timedelta(days=30))
    mark_alive(now=NOW)
    assert alive_before(days=2, now=NOW) == NOW - timedelta(days=32)


def test_a_clock_behind_the_site_makes_nothing_old() -> None:
    live_through(NOW - timedelta(days=30), NOW)
    assert alive_before(days=1, now=datetime(1970, 1, 2, tzinfo=UTC)) == NEVER
    assert days_alive_ahead(now=NOW - timedelta(days=5)) == 5


def test_the_upgrade_counts_the_days_since_the_first_member() -> None:
    make_user(created_at=NOW - timedelta(days=400))
    newest = make_user(created_at=NOW - timedelta(days=3)).created_at
    take = import_module("siteconfig.migrations.0005_days_alive").take_days_from_members
    take(apps, None)
    dates = DayAlive.objects.order_by("date").values_list("date", flat=True)
    assert len(dates) == 398
    assert dates[0] == (NOW - timedelta(days=400)).date()
    assert list(dates)[-1] == newest.date()
