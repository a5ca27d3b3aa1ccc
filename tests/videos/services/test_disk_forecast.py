"""When disks are full: the growth of the last 30 days, and what the trash frees meanwhile."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clipset.database.clock import database_now
from siteconfig.models import Config, DayAlive
from tests.builders import live_for, make_video
from tests.folders import make_root
from videos.services import disk_forecast
from videos.services.disk_forecast import DiskForecast, Growth, days_until_full, disk_forecasts

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

GB = 1024**3
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("left", "kept", "thrown", "freed", "days", "expected"),
    [
        # Nothing in the trash: the bytes that are left, by those of a day.
        (42, 1, 0, {}, 30, 42),
        (42, 1, 0, {}, 0, 42),
        (10, 0, 0, {}, 30, None),
        # What leaves in time makes it later by what it holds, whenever that is.
        (42, 1, 0, {0: 5}, 30, 47),
        (42, 1, 0, {29: 5}, 30, 47),
        (42, 1, 0, {30: 5}, 30, 47),
        (10, 0, 0, {30: 5}, 30, None),
        # What leaves after the disk is full comes too late.
        (10, 1, 0, {9: 5}, 30, 15),
        (10, 1, 0, {12: 500}, 30, 10),
        (10, 1, 0, {3: 2, 14: 500}, 30, 12),
        # Half of all uploads end in the trash: as much leaves it each day as comes there.
        (200, 5, 5, dict.fromkeys(range(30), 5), 30, 40),
        # A trash that is young: uploads that are thrown away take space for 30 days, then leave.
        (200, 5, 5, {}, 30, 20),
        (400, 5, 5, {}, 30, 50),
        (400, 0, 5, {}, 30, None),
        (100, 0, 5, {}, 30, 20),
    ],
)
def test_the_day_on_which_a_disk_is_full(
    left: int, kept: int, thrown: int, freed: dict[int, int], days: int, expected: float | None
) -> None:
    growth = Growth(kept, thrown)
    assert days_until_full(left, growth, freed, trash_days=days) == expected


# -- from rows ------------------------------------------------------------------------------------


@pytest.fixture
def free_bytes(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Any:
    settings.MIN_FREE_DISK_BYTES = GB

    def change(free: int) -> None:
        usage = shutil._ntuple_diskusage(100 * GB, 100 * GB - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)

    return change


def forecast() -> DiskForecast:
    [only] = disk_forecasts()
    return only


def make_trashed(gigabytes: int, *, trashed: int, age: int = 99, **fields: Any) -> None:
    """A video of so many days, which was put into the trash so many days ago."""
    now = timezone.now()
    fields = {"stored_bytes": gigabytes * GB, "file_size_bytes": GB} | fields
    fields |= {"created_at": now - age * DAY, "trashed_at": now - trashed * DAY}
    make_video(**fields)


def days_left() -> int | None:
    left = forecast().time_left
    return None if left is None else round(left / DAY)


def test_each_thing_leaves_the_trash_on_its_day(free_bytes: Any) -> None:
    live_for(40)
    free_bytes(11 * GB)
    make_video(stored_bytes=30 * GB)
    assert days_left() == 10
    make_trashed(2, trashed=25)
    assert days_left() == 12
    make_trashed(4, trashed=10)
    assert days_left() == 12, "in 20 days, when it is too late"
    make_trashed(9, trashed=22)
    assert days_left() == 25
    found = forecast()
    assert (found.freed_bytes, found.freed_days) == (15 * GB, 20)
    assert found.daily_bytes == GB


def test_originals_and_sources_leave_with_their_video(free_bytes: Any) -> None:
    free_bytes(2 * GB)
    make_video(stored_bytes=30 * GB)
    make_trashed(1, trashed=3, original_root="originals", original_key="a.mov")
    make_trashed(1, trashed=3, source_root="temp", source_key="upload-1/a.mov")
    make_trashed(1, trashed=3)
    assert forecast().freed_bytes == 5 * GB


def test_days_on_which_the_site_did_not_run_let_things_leave_later(free_bytes: Any) -> None:
    free_bytes(6 * GB)
    make_video(stored_bytes=30 * GB)
    make_trashed(2, trashed=27)
    assert forecast().freed_days == 3, "of a young site no day is missing"
    live_for(60)
    assert forecast().freed_days == 3
    today = database_now().date()
    DayAlive.objects.filter(pk__range=(today - 10 * DAY, today - 3 * DAY)).delete()
    assert forecast().freed_days == 11


def test_what_should_have_left_already_leaves_now(free_bytes: Any) -> None:
    live_for(60)
    free_bytes(6 * GB)
    make_video(stored_bytes=30 * GB)
    make_trashed(2, trashed=45)
    assert (forecast().freed_days, days_left()) == (0, 7)
    Config.objects.update(trash_days=0)
    make_trashed(2, trashed=1)
    assert (forecast().freed_days, days_left()) == (0, 9)


def test_uploads_that_are_thrown_away_count_until_they_leave(free_bytes: Any) -> None:
    live_for(60)
    free_bytes(46 * GB)
    make_video(stored_bytes=30 * GB)
    for day in range(30):
        make_trashed(1, trashed=day, age=day)
    assert forecast().daily_bytes == 2 * GB
    assert days_left() == 45, "as if nothing went into the trash, which stays as full as it is"
    Config.objects.update(trash_days=10)
    assert forecast().daily_bytes == 2 * GB, "of the last 10 days"
    assert days_left() == 45 + 20, "what should have left already leaves now"


def test_only_trash_on_the_same_disk_counts(free_bytes: Any, tmp_path: Path) -> None:
    free_bytes(11 * GB)
    make_video(stored_bytes=30 * GB)
    make_trashed(2, trashed=25, storage_root="gone")
    assert days_left() == 10
    beside = tmp_path / "beside"
    beside.mkdir()
    make_trashed(2, trashed=25, storage_root=make_root("old-videos", beside))
    assert days_left() == 12, "a folder for videos of the past"


def test_the_trash_is_read_when_a_disk_fills_and_only_a_part_of_it(
    free_bytes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            disk_forecasts()
        return len(queries)

    free_bytes(99 * GB)
    make_video(stored_bytes=30 * GB)
    for age in (40, 50, 60):
        make_trashed(1, trashed=1, age=age)
    without = count()
    free_bytes(11 * GB)
    few = count()
    assert few == without + 2
    for _ in range(5):
        make_trashed(1, trashed=1)
    assert count() == few
    assert forecast().freed_bytes == 8 * GB
    monkeypatch.setattr(disk_forecast, "MAX_TRASHED", 3)
    assert forecast().freed_bytes == 3 * GB
