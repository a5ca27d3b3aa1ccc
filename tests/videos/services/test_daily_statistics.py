"""Statistics of each day: counted by a schedule, and made up for when it did not run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from siteconfig.models import DayAlive
from tests.accounts.together import together
from tests.builders import make_category, make_user, make_video
from videos.models import Comment, DailyStatistics, Job, Video, View
from videos.services import daily_statistics
from videos.services.clock import correct_future_times
from videos.services.comments import delete_comment
from videos.services.daily_statistics import count_days
from videos.services.stored_bytes import SHOWN, measure_stored_bytes
from videos.services.watch_progress import count_view

if TYPE_CHECKING:
    from pytest_django import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 31)
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FEW = 24  # days: enough to see what happens, and quick


@pytest.fixture(autouse=True)
def few_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_statistics, "DAYS_COUNTED", FEW)


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def fail_job(video: Video, at: datetime, kind: str = "PUBLISH") -> None:
    Job.objects.create(video=video, kind=kind, state="FAILED", finished_at=at)


def say(video: Video, author: User, at: datetime) -> Comment:
    return Comment.objects.create(video=video, author=author, text="Hm", created_at=at)


def counts_of(day: date) -> tuple[int, ...]:
    row = DailyStatistics.objects.get(day=day)
    return tuple(getattr(row, name) for name in daily_statistics.COUNTS)


def stored_on(*days: date) -> list[int | None]:
    return [DailyStatistics.objects.get(day=day).stored_bytes for day in days]


def test_a_day_is_counted_from_midnight_to_midnight(bob: User) -> None:
    alice = make_user()
    midnight = datetime(2026, 3, 31, tzinfo=UTC)
    moments = [midnight - timedelta(microseconds=1), midnight, NOON]
    for number, moment in enumerate(moments):
        video = make_video(uploader=bob, file_size_bytes=10**number, created_at=moment)
        say(video, alice, moment)
        fail_job(video, moment)
        View.objects.create(video=video, member=alice, day=moment.date())
    fail_job(video, NOON, "ENRICH")  # the video can be watched
    assert count_days(now=NOON) == FEW
    assert counts_of(TODAY) == (2, 110, 2, 2, 2)
    assert counts_of(TODAY - DAY) == (1, 1, 1, 1, 1)
    assert counts_of(TODAY - 2 * DAY) == (0, 0, 0, 0, 0)


def test_a_view_counts_on_the_day_of_the_statistics(bob: User) -> None:
    assert count_view(video=make_video(), member=bob, watched=30)
    count_days()
    assert DailyStatistics.objects.first() == DailyStatistics.objects.get(views=1)


def test_the_first_run_counts_what_live_queries_count(bob: User, settings: Settings) -> None:
    """Also around the days on which clocks change, whatever zone the quota is reset in."""
    settings.QUOTA_RESET_TIMEZONE = "Europe/Berlin"
    chance = Random(7)
    video = make_video(uploader=bob, created_at=NOON - 2 * FEW * DAY)
    for number in range(60):
        moment = NOON - timedelta(minutes=chance.randrange(FEW * 24 * 60))
        make_video(uploader=bob, file_size_bytes=number, created_at=moment)
        say(video, bob, moment)
        fail_job(video, moment)
    count_days(now=NOON)
    days = [TODAY - back * DAY for back in range(FEW)]
    assert {day: counts_of(day) for day in days} == {day: counted_live(day) for day in days}
    assert sum(counts_of(day)[0] for day in days) >= 55


def counted_live(day: date) -> tuple[int, ...]:
    """Counts in Python, by the date of each row."""
    videos = [it for it in Video.objects.all() if it.created_at.date() == day]
    comments = [it for it in Comment.objects.all() if it.created_at.date() == day]
    failed = [it for it in Job.objects.all() if it.finished_at and it.finished_at.date() == day]
    size = sum(it.file_size_bytes for it in videos)
    return len(videos), size, 0, len(comments), len(failed)


def test_what_is_deleted_later_stays_counted(bob: User) -> None:
    video = make_video(uploader=bob, file_size_bytes=5, created_at=NOON)
    delete_comment(comment=say(video, bob, NOON), by=bob)
    fail_job(video, NOON)
    count_days(now=NOON)
    video.delete()
    make_video(uploader=bob, file_size_bytes=3, created_at=NOON)
    count_days(now=NOON + timedelta(hours=1))
    assert counts_of(TODAY) == (1, 5, 0, 1, 1)


def test_missed_days_are_made_up_for_and_settled_days_left_alone(bob: User) -> None:
    count_days(now=NOON)
    make_video(uploader=bob, created_at=NOON + timedelta(hours=6))
    make_video(uploader=bob, created_at=NOON + 2 * DAY)
    after = NOON + 4 * DAY  # the site was stopped, or its workers were
    make_video(uploader=bob, created_at=NOON - 5 * DAY)  # a day that is settled
    assert count_days(now=after) == 5  # today, three missed days, and that of the last run
    uploads = [counts_of(TODAY + back * DAY)[0] for back in (-5, 0, 1, 2, 3, 4)]
    assert uploads == [0, 1, 0, 1, 0, 0]
    with CaptureQueriesContext(connection) as queries:
        assert count_days(now=after + timedelta(hours=1)) == 1
    assert len(queries) <= 13


def test_yesterday_is_counted_again_until_its_last_transactions_are_over(bob: User) -> None:
    midnight = datetime(2026, 4, 1, tzinfo=UTC)
    count_days(now=NOON)
    assert count_days(now=midnight + timedelta(minutes=1)) == 2
    make_video(uploader=bob, created_at=midnight - timedelta(seconds=1))
    assert count_days(now=midnight + timedelta(minutes=61)) == 2
    assert counts_of(TODAY)[0] == 1
    assert count_days(now=midnight + timedelta(minutes=121)) == 1


def test_a_killed_run_is_continued(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [2]

    def stop_after_some() -> bool:
        left[0] -= 1
        return left[0] < 0

    make_video(uploader=bob, stored_bytes=7, file_size_bytes=2, created_at=NOON - 3 * DAY)
    make_video(uploader=bob, stored_bytes=8, created_at=NOON - 20 * DAY)
    monkeypatch.setattr(daily_statistics, "is_stopping", stop_after_some)
    monkeypatch.setattr(daily_statistics, "BATCH_DAYS", 5)
    assert count_days(now=NOON) == 11
    monkeypatch.setattr(daily_statistics, "is_stopping", lambda: False)
    assert count_days(now=NOON) == FEW - 10
    days = [TODAY - back * DAY for back in (0, 3, 4, 20, 21)]
    assert stored_on(*days) == [15, 15, 8, 8, 0]
    assert DailyStatistics.objects.count() == FEW


@pytest.mark.django_db(transaction=True)
def test_runs_at_once_count_like_one(bob: User) -> None:
    make_video(uploader=bob, created_at=NOON)
    make_video(uploader=bob, created_at=NOON - 3 * DAY)
    assert all(together([lambda: count_days(now=NOON)] * 3))
    assert DailyStatistics.objects.count() == FEW
    assert [counts_of(TODAY - back * DAY)[0] for back in range(4)] == [1, 0, 0, 1]


# -- clocks ---------------------------------------------------------------------------------------


def test_rows_of_a_clock_that_was_ahead_are_discarded(bob: User) -> None:
    DayAlive.objects.create(date=TODAY)
    count_days(now=NOON)
    ahead = NOON + 9 * DAY
    DayAlive.objects.create(date=ahead.date())
    count_days(now=ahead)
    assert DailyStatistics.objects.filter(day__gt=TODAY).count() == 9
    make_video(uploader=bob, created_at=NOON + timedelta(hours=1))
    later = NOON + timedelta(hours=2)
    correct_future_times(now=later)
    assert not DailyStatistics.objects.filter(day__gt=TODAY).exists()
    assert not DailyStatistics.objects.filter(counted_at__gt=later).exists()
    count_days(now=later)
    assert counts_of(TODAY)[0] == 1, "the day was not over when it was counted"


def test_a_clock_that_is_behind_counts_and_discards_nothing(
    bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    DayAlive.objects.bulk_create([DayAlive(date=TODAY - back * DAY) for back in range(3)])
    count_days(now=NOON)
    before = list(DailyStatistics.objects.values())
    behind = NOON - 30 * DAY
    assert count_days(now=behind) == 0
    assert "the clock is behind" in caplog.text
    correct_future_times(now=behind)
    assert list(DailyStatistics.objects.values()) == before


# -- storage --------------------------------------------------------------------------------------


def test_stored_bytes_are_those_of_renditions_and_of_kept_files(bob: User) -> None:
    alice, music = make_user("alice"), make_category("Music")
    make_video(uploader=bob, file_size_bytes=5, stored_bytes=100, category=music)
    make_video(uploader=bob, file_size_bytes=7, stored_bytes=50, original_key="a.mov")
    make_video(uploader=alice, file_size_bytes=3, status="PENDING", source_key="b.mov")
    total, shares = measure_stored_bytes()
    assert total == 160
    assert shares == {
        "members": [
            {"key": str(bob.pk), "videos": 2, "bytes": 157},
            {"key": str(alice.pk), "videos": 1, "bytes": 3},
        ],
        "other_members": {"count": 0, "videos": 0, "bytes": 0},
        "categories": [
            {"key": str(music.pk), "videos": 1, "bytes": 100},
            {"key": "", "videos": 2, "bytes": 60},
        ],
        "other_categories": {"count": 0, "videos": 0, "bytes": 0},
    }


def test_the_smaller_shares_are_added_up(bob: User) -> None:
    for number in range(SHOWN + 3):
        make_video(stored_bytes=1000 - number)
    _, shares = measure_stored_bytes()
    assert [it["bytes"] for it in shares["members"]] == [1000 - n for n in range(SHOWN)]
    others = {"count": 3, "videos": 3, "bytes": 990 + 989 + 988}
    assert shares["other_members"] == others


def test_storage_is_measured_today_and_reckoned_back(bob: User) -> None:
    make_video(uploader=bob, stored_bytes=100, created_at=NOON - 90 * DAY)
    make_video(uploader=bob, stored_bytes=20, created_at=NOON - 2 * DAY)
    late = make_video(uploader=bob, stored_bytes=3, created_at=NOON)
    count_days(now=NOON)
    days = [TODAY, TODAY - DAY, TODAY - 2 * DAY, TODAY - 3 * DAY]
    assert stored_on(*days) == [123, 120, 120, 100]
    assert DailyStatistics.objects.exclude(shares=None).count() == 1
    late.delete()
    count_days(now=NOON + DAY)
    assert stored_on(TODAY + DAY, TODAY) == [120, 123], "what was measured stays"
