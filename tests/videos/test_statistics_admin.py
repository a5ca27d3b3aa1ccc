"""The page Statistics in the admin: charts from the rows of days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from tests.builders import (
    count_queries,
    make_admin,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from videos.models import DailyStatistics
from videos.selectors.statistics import RANGES, Statistics, statistics

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

pytestmark = pytest.mark.django_db

PAGE = "/admin/videos/dailystatistics/"
TODAY = date(2026, 3, 31)
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NO_OTHERS = {"count": 0, "videos": 0, "bytes": 0}


@pytest.fixture
def mod(client: Client) -> User:
    mod = make_moderator("mod")
    client.force_login(mod)
    return mod


def count(back: int, *, today: date = TODAY, **columns: Any) -> None:
    """Stores the row of a day so many days ago."""
    columns.setdefault("counted_at", NOON)
    DailyStatistics.objects.create(day=today - back * DAY, **columns)


def totals(view: Statistics) -> dict[str, tuple[str, str]]:
    return {total.title: (total.text, total.before) for total in view.totals}


def bars(view: Statistics, name: str) -> dict[str, int]:
    chart = next(it for it in view.charts if it.name == name)
    return {bar.label: bar.value for bar in chart.bars}


# -- figures --------------------------------------------------------------------------------------


def test_totals_are_compared_with_the_days_before() -> None:
    count(0, uploads=3, uploaded_bytes=3 * 1024**2, views=1, comments=5, stored_bytes=5 * 1024**3)
    count(6, uploads=3, views=1, comments=5, stored_bytes=4 * 1024**3)
    count(7, uploads=4, uploaded_bytes=1024**2, views=3, comments=10, stored_bytes=3 * 1024**3)
    count(13, views=1)
    count(14, uploads=1000, failures=1000, stored_bytes=1)
    assert totals(statistics(7, now=NOON)) == {
        "Uploads": ("6", "4 in the 7 days before (+50%)"),
        "Uploaded data": ("3 MB", "1 MB in the 7 days before (+200%)"),
        "Views": ("2", "4 in the 7 days before (−50%)"),
        "Comments": ("10", "10 in the 7 days before (±0%)"),
        "Failures": ("0", "None in the 7 days before"),
        "Storage": ("5 GB", "+2 GB in these 7 days"),
    }


def test_a_bar_is_a_day_also_without_a_row() -> None:
    count(0, views=2)
    count(29, views=1)
    count(30, views=9)
    found = bars(statistics(30, now=NOON), "views")
    assert len(found) == 30
    assert {day: views for day, views in found.items() if views} == {
        "2026-03-02": 1,
        "2026-03-31": 2,
    }


def test_bars_of_a_year_are_weeks_that_end_today() -> None:
    for back in range(400):
        count(back, views=1)
    found = bars(statistics(365, now=NOON), "views")
    assert sum(found.values()) == 365
    assert list(found.values()) == [8, *[7] * 51]
    assert next(iter(found)) == "2025-04-01 to 2025-04-08"
    assert list(found)[-1] == "2026-03-25 to 2026-03-31"


def test_storage_is_that_of_the_last_day_of_a_week() -> None:
    count(0, stored_bytes=9)
    count(3, stored_bytes=7)
    count(8, stored_bytes=5)
    assert list(bars(statistics(365, now=NOON), "stored_bytes").values())[-3:] == [0, 5, 9]


def test_days_to_come_are_left_out() -> None:
    count(-1, views=5, counted_at=NOON + DAY)
    count(0, views=1)
    view = statistics(7, now=NOON)
    assert sum(bars(view, "views").values()) == 1
    assert view.counted_at == NOON


@pytest.mark.parametrize(("hours", "is_stale"), [(1, False), (4, True)])
def test_figures_that_nobody_counts_any_more_are_out_of_date(hours: int, is_stale: bool) -> None:
    count(0)
    assert statistics(7, now=NOON + timedelta(hours=hours)).is_stale is is_stale


# -- the page -------------------------------------------------------------------------------------


def count_today(**columns: Any) -> None:
    count(0, today=timezone.now().date(), counted_at=timezone.now(), **columns)


def test_the_page_says_that_nothing_has_been_counted_yet(client: Client, mod: User) -> None:
    text = client.get(PAGE).text
    assert "Nothing has been counted yet." in text
    assert "<canvas" not in text
    assert "chart.umd" not in text


def test_the_index_leads_to_the_page(client: Client, mod: User) -> None:
    text = client.get("/admin/").text
    assert f'href="{PAGE}"' in text
    assert "chart.umd" not in text


@pytest.mark.parametrize("make", [make_moderator, make_admin])
def test_all_staff_see_names_but_no_addresses(client: Client, make: Any) -> None:
    alice, music = make_user("alice", email="secret@example.org"), make_category("Music")
    gone = make_user("gone")
    share = {"videos": 1, "bytes": 2048}
    members = [{"key": str(user.pk), **share} for user in (alice, gone)]
    categories = [{"key": str(music.pk), **share}, {"key": "", **share}]
    shares = {
        "members": members,
        "other_members": {"count": 2, "videos": 3, "bytes": 1024},
        "categories": categories,
        "other_categories": NO_OTHERS,
    }
    gone.delete()
    count_today(shares=shares)
    client.force_login(make())
    text = re.sub(r"\s+", " ", client.get(PAGE).text)
    for words in ("alice</a>", "Music</a>", "Deleted member", "2 other members", "No category"):
        assert words in text
    assert f"/admin/accounts/user/{alice.pk}/change/" in text
    assert "example.org" not in text


def test_members_do_not_see_the_page(client: Client) -> None:
    client.force_login(make_user())
    assert client.get(PAGE).status_code == 302
    assert client.get(PAGE).headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("", 30),
        *((f"days={days}", days) for days in RANGES),
        *((f"days={wrong}", 30) for wrong in ("8", "0", "-7", "x", "", "7.0", "9" * 30)),
        ("days=365&days=7", 7),
    ],
)
def test_the_range_is_one_of_three(client: Client, mod: User, query: str, days: int) -> None:
    count_today()
    response = client.get(f"{PAGE}?{query}")
    assert response.context["view"].days == days
    assert f'href="?days={days}" aria-current="page"' in response.text


def test_a_chart_without_anything_is_a_sentence(client: Client, mod: User) -> None:
    count_today(views=1)
    text = client.get(f"{PAGE}?days=7").text
    assert "No failures in these 7 days." in text
    assert text.count("<canvas") == 1


def test_the_page_makes_as_many_queries_for_many_days_as_for_one(client: Client, mod: User) -> None:
    shares = {
        "members": [{"key": str(mod.pk), "videos": 1, "bytes": 1}],
        "other_members": NO_OTHERS,
        "categories": [{"key": "", "videos": 1, "bytes": 1}],
        "other_categories": NO_OTHERS,
    }
    count_today(views=1, shares=shares)
    for_one = count_queries(client, PAGE)
    for back in range(1, 800):
        count(back, today=timezone.now().date(), views=1, shares=shares)
    for _ in range(5):
        make_video()
    assert {count_queries(client, f"{PAGE}?days={days}") for days in RANGES} == {for_one}
    assert for_one <= 10
