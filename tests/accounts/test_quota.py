from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from accounts.models import Role, User
from accounts.services.quota import (
    quota_state,
    release_quota,
    reserve_quota,
    reset_due_quotas,
    reset_quota,
)
from accounts.tasks import reset_quotas
from siteconfig.models import Config
from tests.accounts.together import together
from tests.builders import make_admin, make_moderator, make_user
from tests.folders import entries
from videos.models import Upload, Video

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from accounts.services.quota import Reservation

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1000
# A Wednesday; its week began on Sunday, 5 May, and ends on Sunday, 12 May.
NOW = datetime(2024, 5, 8, 12, tzinfo=UTC)
SUNDAY = datetime(2024, 5, 5, tzinfo=UTC)
NEXT_SUNDAY = datetime(2024, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _limit(media: Path) -> None:
    """Sets the weekly limit, after the fixture that creates the configuration's row."""
    set_limit(LIMIT)


def set_limit(limit: int) -> None:
    Config.objects.filter(pk=Config.SINGLETON_ID).update(weekly_upload_limit_bytes=limit)


def member(used: int = 0, *, since: datetime = SUNDAY, **fields: Any) -> User:
    return make_user(weekly_upload_bytes=used, last_upload_reset=since, **fields)


def used(user: User) -> int:
    return User.objects.get(pk=user.pk).weekly_upload_bytes


def release(user: User, reservation: Reservation, *, now: datetime) -> None:
    release_quota(
        user_id=user.pk, size=reservation.bytes, reserved_at=reservation.reserved_at, now=now
    )


def reserve(user: User, size: int, *, now: datetime = NOW) -> Reservation:
    reservation = reserve_quota(user=user, size=size, now=now)
    assert reservation is not None
    return reservation


# -- Reserving ----------------------------------------------------------------------------------
def test_a_reservation_is_taken_from_the_week() -> None:
    alice = member()
    reservation = reserve(alice, 400)
    assert (reservation.bytes, reservation.reserved_at) == (400, NOW)
    assert used(alice) == 400


def test_the_last_byte_of_the_week_may_be_sent_and_not_one_more() -> None:
    alice = member(400)
    assert reserve_quota(user=alice, size=601, now=NOW) is None
    assert used(alice) == 400
    assert reserve_quota(user=alice, size=600, now=NOW) is not None
    assert used(alice) == LIMIT
    assert reserve_quota(user=alice, size=1, now=NOW) is None
    assert used(alice) == LIMIT


def test_one_members_reservation_leaves_the_others_alone() -> None:
    alice, bob = member(), member(100)
    reserve(alice, LIMIT)
    assert used(bob) == 100


def test_an_admin_is_not_charged_and_not_refused() -> None:
    admin = make_admin(weekly_upload_bytes=5, weekly_upload_limit_bytes=0)
    reservation = reserve(admin, 10 * LIMIT)
    assert reservation.bytes == 0
    assert used(admin) == 5


def test_a_moderator_has_a_quota() -> None:
    moderator = make_moderator(last_upload_reset=SUNDAY)
    assert reserve_quota(user=moderator, size=LIMIT + 1, now=NOW) is None


def test_a_deactivated_member_reserves_nothing_not_even_as_an_admin() -> None:
    alice, admin = member(is_active=False), make_admin(is_active=False)
    assert reserve_quota(user=alice, size=1, now=NOW) is None
    assert reserve_quota(user=admin, size=1, now=NOW) is None


def test_what_counts_is_the_role_in_the_database_not_the_one_in_memory() -> None:
    stale = make_admin(last_upload_reset=SUNDAY)
    User.objects.filter(pk=stale.pk).update(role=Role.USER, is_staff=False, is_superuser=False)
    assert reserve_quota(user=stale, size=LIMIT + 1, now=NOW) is None


@pytest.mark.parametrize("own", [LIMIT // 10, LIMIT * 10])
def test_a_members_own_limit_rules_over_the_sites(own: int) -> None:
    alice = member(weekly_upload_limit_bytes=own)
    assert reserve_quota(user=alice, size=own + 1, now=NOW) is None
    assert reserve_quota(user=alice, size=own, now=NOW) is not None


def test_an_own_limit_of_zero_means_that_nothing_may_be_sent() -> None:
    alice = member(weekly_upload_limit_bytes=0)
    assert reserve_quota(user=alice, size=1, now=NOW) is None
    assert quota_state(alice, now=NOW).left_bytes == 0


def test_a_change_of_the_sites_limit_counts_at_once() -> None:
    alice = member(LIMIT)
    assert reserve_quota(user=alice, size=1, now=NOW) is None
    set_limit(LIMIT + 1)
    assert reserve_quota(user=alice, size=1, now=NOW) is not None
    set_limit(LIMIT // 2)
    assert quota_state(User.objects.get(pk=alice.pk), now=NOW).left_bytes == 0
    assert reserve_quota(user=alice, size=1, now=NOW) is None


def test_sizes_of_many_terabytes_are_reckoned_with() -> None:
    set_limit(2**62)
    alice = member()
    reserve(alice, 2**62)
    assert used(alice) == 2**62
    assert reserve_quota(user=alice, size=1, now=NOW) is None


# -- Many at once -------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_no_number_of_reservations_at_once_passes_the_limit() -> None:
    """Eight threads request 320 bytes each, a third of which fits."""
    alice, sizes = member(since=datetime.now(UTC)), [1, 3, 7, 13, 16] * 8
    set_limit(LIMIT)

    def ask() -> int:
        reserved = [reserve_quota(user=alice, size=size) for size in sizes]
        return sum(reservation.bytes for reservation in reserved if reservation)

    granted = together([ask] * 8)
    assert sum(sizes) * 8 > 2 * LIMIT
    assert sum(granted) == used(alice) == LIMIT


@pytest.mark.django_db(transaction=True)
def test_reserving_and_releasing_at_once_loses_no_byte() -> None:
    alice = member(since=datetime.now(UTC))
    set_limit(LIMIT)

    def take_and_give_back() -> None:
        for _ in range(15):
            if reservation := reserve_quota(user=alice, size=190):
                release(alice, reservation, now=datetime.now(UTC))

    together([take_and_give_back] * 8)
    assert used(alice) == 0


@pytest.mark.django_db(transaction=True)
def test_the_first_reservations_of_a_new_week_start_from_zero_only_once() -> None:
    """All threads find last week's counter, and none discards another's reservation."""
    alice = member(LIMIT, since=datetime.now(UTC) - timedelta(days=8))
    set_limit(LIMIT)
    taken = together([partial(reserve_quota, user=alice, size=100)] * 8)
    assert all(taken)
    assert used(alice) == 800


PROCESS = """
import sys
import django
django.setup()
from accounts.models import User
from accounts.services.quota import reserve_quota
alice = User.objects.get(username="alice")
print("ready", flush=True)
sys.stdin.readline()
print(sum(1 for _ in range(150) if reserve_quota(user=alice, size=7)))
"""


@pytest.mark.slow
@pytest.mark.long_on_postgresql  # whose locks are the same for the threads above
@pytest.mark.django_db(transaction=True)
def test_no_number_of_processes_passes_the_limit() -> None:
    make_user("alice", last_upload_reset=datetime.now(UTC))
    set_limit(LIMIT)
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "clipset.settings",
        "DATABASE_URL": database_url(),
    }
    command = [sys.executable, "-c", PROCESS]
    workers: list[subprocess.Popen[str]] = [
        subprocess.Popen(command, env=environment, **options)  # type: ignore[call-overload]
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    granted = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(granted) == LIMIT // 7
    assert User.objects.get().weekly_upload_bytes == sum(granted) * 7


def database_url() -> str:
    """Returns the URL of this test's database, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"


# -- Giving back --------------------------------------------------------------------------------
def test_what_is_released_in_its_week_can_be_sent_again() -> None:
    alice = member()
    reservation = reserve(alice, LIMIT)
    release(alice, reservation, now=NOW + SECOND)
    assert used(alice) == 0
    reserve(alice, LIMIT)


def test_only_what_was_reserved_is_given_back() -> None:
    alice = member(250)
    release(alice, reserve(alice, 500), now=NOW + SECOND)
    assert used(alice) == 250


def test_a_reservation_of_last_week_is_not_given_back_in_this_one() -> None:
    alice = member()
    reservation = reserve(alice, 600, now=NEXT_SUNDAY - SECOND)
    reserve(alice, 700, now=NEXT_SUNDAY)
    release(alice, reservation, now=NEXT_SUNDAY + SECOND)
    assert used(alice) == 700


def test_a_reservation_of_last_week_is_not_given_back_after_the_reset_either() -> None:
    alice = member()
    reservation = reserve(alice, 600, now=NEXT_SUNDAY - SECOND)
    reset_due_quotas(now=NEXT_SUNDAY + SECOND)
    reserve(alice, 700, now=NEXT_SUNDAY + 2 * SECOND)
    release(alice, reservation, now=NEXT_SUNDAY + 3 * SECOND)
    assert used(alice) == 700


def test_nothing_is_given_back_of_what_a_moderator_reset() -> None:
    alice = member()
    reservation = reserve(alice, 600)
    reset_quota(users=[alice.pk], now=NOW + SECOND)
    reserve(alice, 300, now=NOW + 2 * SECOND)
    release(alice, reservation, now=NOW + 3 * SECOND)
    assert used(alice) == 300


def test_a_reservation_after_a_moderators_reset_is_given_back() -> None:
    alice = member(LIMIT)
    reset_quota(users=[alice.pk], now=NOW)
    release(alice, reserve(alice, 600, now=NOW + SECOND), now=NOW + 2 * SECOND)
    assert used(alice) == 0


def test_the_counter_is_never_negative() -> None:
    alice = member(100)
    release_quota(user_id=alice.pk, size=101, reserved_at=NOW, now=NOW)
    assert used(alice) == 0


@pytest.mark.parametrize("size", [0, -1])
def test_releasing_nothing_changes_nothing(size: int) -> None:
    alice = member(100)
    release_quota(user_id=alice.pk, size=size, reserved_at=NOW, now=NOW)
    assert used(alice) == 100


def test_releasing_for_an_admin_who_was_not_charged_changes_nothing() -> None:
    admin = make_admin(weekly_upload_bytes=100, last_upload_reset=SUNDAY)
    release(admin, reserve(admin, 600), now=NOW)
    assert used(admin) == 100


def test_releasing_for_a_member_who_is_gone_is_harmless() -> None:
    alice = member()
    bob = member()
    reserve(bob, 100)
    reservation, gone = reserve(alice, 600), alice.pk
    alice.delete()
    release_quota(user_id=gone, size=600, reserved_at=reservation.reserved_at, now=NOW)
    assert used(bob) == 100


def test_reservations_at_the_turn_of_the_week_are_given_back_whatever_their_order() -> None:
    """Two uploads begin at the boundary, and the later one is written first."""
    alice = member(LIMIT)
    later = reserve(alice, 300, now=NEXT_SUNDAY + 2 * SECOND)
    earlier = reserve(alice, 400, now=NEXT_SUNDAY + SECOND)
    release(alice, earlier, now=NEXT_SUNDAY + 3 * SECOND)
    assert used(alice) == 300
    release(alice, later, now=NEXT_SUNDAY + 3 * SECOND)
    assert used(alice) == 0


def test_a_reservation_that_the_reset_overtook_is_given_back() -> None:
    """The reset happens after an upload has read the clock and before its UPDATE."""
    alice = member(LIMIT)
    reset_due_quotas(now=NEXT_SUNDAY + 2 * SECOND)
    reservation = reserve(alice, 400, now=NEXT_SUNDAY + SECOND)
    release(alice, reservation, now=NEXT_SUNDAY + 3 * SECOND)
    assert used(alice) == 0


# -- The week's turn ----------------------------------------------------------------------------
def test_a_counter_from_before_the_boundary_counts_as_zero_without_any_worker() -> None:
    alice = member(LIMIT)
    assert reserve_quota(user=alice, size=1, now=NEXT_SUNDAY - SECOND) is None
    reserve(alice, 300, now=NEXT_SUNDAY)
    assert used(alice) == 300


def test_what_the_page_says_follows_the_boundary_without_any_worker() -> None:
    alice = member(LIMIT - 1)
    before = quota_state(alice, now=NEXT_SUNDAY - SECOND)
    assert (before.used_bytes, before.left_bytes) == (LIMIT - 1, 1)
    assert before.resets_at == NEXT_SUNDAY
    after = quota_state(alice, now=NEXT_SUNDAY)
    assert (after.used_bytes, after.left_bytes) == (0, LIMIT)
    assert after.resets_at == NEXT_SUNDAY + timedelta(weeks=1)


def test_what_the_page_says_of_an_admin_has_no_limit() -> None:
    admin = make_admin(weekly_upload_bytes=5, last_upload_reset=SUNDAY)
    state = quota_state(admin, now=NOW)
    assert (state.limit_bytes, state.left_bytes, state.used_bytes) == (None, None, 5)


def test_the_page_never_says_less_than_nothing_is_left() -> None:
    alice = member(LIMIT * 2)
    assert quota_state(alice, now=NOW).left_bytes == 0


def test_the_reset_takes_last_weeks_counters_and_leaves_this_weeks() -> None:
    alice, bob = member(500), member(500, since=NEXT_SUNDAY)
    assert reset_due_quotas(now=NEXT_SUNDAY + SECOND) == 1
    assert (used(alice), used(bob)) == (0, 500)


def test_the_reset_comes_at_the_boundary_and_not_a_moment_before() -> None:
    alice = member(500)
    assert reset_due_quotas(now=NEXT_SUNDAY - timedelta(microseconds=1)) == 0
    assert used(alice) == 500
    assert reset_due_quotas(now=NEXT_SUNDAY) == 1
    assert used(alice) == 0


def test_a_reset_that_runs_twice_takes_nothing_that_was_reserved_between() -> None:
    alice = member(500)
    reset_due_quotas(now=NEXT_SUNDAY + SECOND)
    reserve(alice, 300, now=NEXT_SUNDAY + 2 * SECOND)
    for hours in range(1, 7 * 24):
        assert reset_due_quotas(now=NEXT_SUNDAY + timedelta(hours=hours)) == 0
    assert used(alice) == 300


def test_a_late_reset_leaves_what_was_reserved_in_the_new_week() -> None:
    """The worker was stopped at the boundary, and a member reserved before the reset."""
    alice = member(LIMIT)
    reserve(alice, 300, now=NEXT_SUNDAY + timedelta(minutes=5))
    assert reset_due_quotas(now=NEXT_SUNDAY + timedelta(hours=1)) == 0
    assert used(alice) == 300


@pytest.mark.parametrize("weeks", [1, 2, 5, 60])
def test_weeks_of_standstill_are_made_up_for(weeks: int) -> None:
    alice = member(LIMIT)
    later = NOW + timedelta(weeks=weeks)
    assert quota_state(alice, now=later).used_bytes == 0
    assert reset_due_quotas(now=later) == 1
    reserve(alice, LIMIT, now=later)
    assert reset_due_quotas(now=later + SECOND) == 0
    assert used(alice) == LIMIT


def test_the_task_of_the_schedule_resets_by_the_clock_of_now() -> None:
    alice, bob = member(500), member(500, since=datetime.now(UTC) + SECOND)
    assert reset_quotas() == 1
    assert (used(alice), used(bob)) == (0, 500)
    assert reset_quotas() == 0


def test_a_moderators_reset_takes_only_the_chosen_members() -> None:
    alice, bob, charlie = member(100), member(200), member(300)
    assert reset_quota(users=[alice.pk, bob.pk], now=NOW) == 2
    assert [used(each) for each in (alice, bob, charlie)] == [0, 0, 300]


# -- Day, hour and zone -------------------------------------------------------------------------
def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "last", "boundary"),
    [
        # Winter to summer: the Sunday of the change begins at +1, the one after it at +2.
        ("Europe/Berlin", 0, 0, "2024-03-23T23:00", "2024-03-30T23:00"),
        ("Europe/Berlin", 0, 0, "2024-03-30T23:00", "2024-04-06T22:00"),
        # Summer to winter.
        ("Europe/Berlin", 0, 0, "2024-10-19T22:00", "2024-10-26T22:00"),
        ("Europe/Berlin", 0, 0, "2024-10-26T22:00", "2024-11-02T23:00"),
        # At the skipped hour and at the repeated one.
        ("Europe/Berlin", 0, 2, "2024-03-24T01:00", "2024-03-31T01:00"),
        ("Europe/Berlin", 0, 2, "2024-10-20T00:00", "2024-10-27T00:00"),
        ("America/New_York", 0, 0, "2024-03-03T05:00", "2024-03-10T05:00"),
        ("America/New_York", 0, 0, "2024-03-10T05:00", "2024-03-17T04:00"),
        ("America/New_York", 0, 0, "2024-11-03T04:00", "2024-11-10T05:00"),
        # Midnight itself is skipped.
        ("Asia/Beirut", 0, 0, "2024-03-23T22:00", "2024-03-30T22:00"),
        # Another day and hour.
        ("UTC", 3, 6, "2024-05-01T06:00", "2024-05-08T06:00"),
        ("Asia/Kolkata", 6, 23, "2024-05-04T17:30", "2024-05-11T17:30"),
    ],
)
def test_the_week_turns_at_the_configured_time_also_when_clocks_change(
    settings: Settings, zone: str, day: int, hour: int, last: str, boundary: str
) -> None:
    settings.QUOTA_RESET_TIMEZONE = zone
    settings.QUOTA_RESET_DAY, settings.QUOTA_RESET_HOUR = day, hour
    turn = utc(boundary)
    alice = member(LIMIT, since=utc(last))
    assert quota_state(alice, now=utc(last)).resets_at == turn
    assert reserve_quota(user=alice, size=1, now=turn - SECOND) is None
    assert reset_due_quotas(now=turn - SECOND) == 0
    reservation = reserve(alice, LIMIT, now=turn)
    assert reset_due_quotas(now=turn + timedelta(hours=2)) == 0
    release(alice, reservation, now=turn + timedelta(days=6))
    assert used(alice) == 0


def test_a_change_of_the_day_lets_a_counter_run_to_the_next_boundary(settings: Settings) -> None:
    alice = member(LIMIT)
    settings.QUOTA_RESET_DAY = 4  # Thursday
    assert quota_state(alice, now=NOW).left_bytes == 0
    assert quota_state(alice, now=NOW).resets_at == utc("2024-05-09T00:00")
    assert quota_state(alice, now=utc("2024-05-09T00:00")).left_bytes == LIMIT


# -- The upload page ----------------------------------------------------------------------------
def send(client: Client, size: int) -> int:
    video = SimpleUploadedFile("clip.mp4", b"x" * size, "video/mp4")
    return client.post(reverse("upload"), {"file": video, "title": "Holiday"}).status_code


@pytest.mark.parametrize("size", [1, 50_000, 300_000])
def test_a_member_with_nothing_left_sends_nothing_however_small(
    client: Client, media: Path, size: int
) -> None:
    alice = make_user("alice", weekly_upload_limit_bytes=0)
    client.force_login(alice)
    assert send(client, size) == 413
    assert used(alice) == 0
    assert not Video.objects.exists()
    assert not Upload.objects.exists()
    assert not entries(media / "temp")


def test_a_file_that_fits_to_the_byte_is_charged_with_its_own_size(client: Client) -> None:
    alice = make_user("alice", weekly_upload_limit_bytes=200_000)
    client.force_login(alice)
    assert send(client, 200_000) == 302
    assert used(alice) == 200_000
    assert Video.objects.get().quota_bytes == 200_000
    assert send(client, 1) == 413
    assert used(alice) == 200_000


def test_an_admins_video_is_not_charged(client: Client) -> None:
    admin = make_admin("root", weekly_upload_limit_bytes=0)
    client.force_login(admin)
    assert send(client, 50_000) == 302
    assert used(admin) == 0
    assert Video.objects.get().quota_bytes == 0
