"""Corrections after a clock that was ahead is right again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import DateTimeField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from accounts.models import Invitation, Role, Session, TryCount, User
from accounts.services.invitations import issue_invitation
from accounts.services.quota import reset_due_quotas, week_end
from accounts.services.throttle import allow
from clipset.workers.task_queue import enqueue, ensure_schedule, waiting_task_count
from siteconfig.models import DayAlive
from tests.builders import live_for, make_admin, make_user, make_video
from videos.models import GuestLink, Upload
from videos.services.clock import clock_warning, correct_future_times, newest_moment
from videos.services.guest_links import create_guest_link
from videos.services.processing.claim import claim_next_job
from videos.services.processing.jobs import add_job, requeue_lost_jobs
from videos.services.uploads.create import VideoDetails, create_upload
from videos.services.uploads.expire import end_expired_uploads
from videos.services.uploads.lease import is_held
from videos.tasks import tidy_up

pytestmark = pytest.mark.django_db

LEAP = timedelta(days=40)
NOW = timezone.now().astimezone(UTC)  # columns have the real time by default


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time of the clock, also of PostgreSQL's. Tests change the one entry."""
    said = [NOW]
    monkeypatch.setattr("django.utils.timezone.now", lambda: said[0])
    for module in (
        "videos.services.processing.claim",
        "videos.services.processing.enqueue",
        "videos.services.processing.jobs",
        "videos.services.uploads.lease",
        "videos.services.uploads.writer",
        "videos.services.clock",
    ):
        monkeypatch.setattr(f"{module}.database_now", lambda: said[0])
    monkeypatch.setattr("siteconfig.services.heartbeat.database_now", lambda: said[0])
    return said


@pytest.fixture
def bob(clock: list[datetime]) -> User:
    live_for(60)
    return make_user("bob")


def test_schedules_and_tasks_run_again(clock: list[datetime], bob: User) -> None:
    ensure_schedule("Every minute", "accounts.tasks.reset_quotas", minutes=1)
    ensure_schedule("Every day", "accounts.tasks.clear_expired", minutes=24 * 60)
    Schedule.objects.filter(minutes=1).update(next_run=NOW + LEAP)
    in_time = NOW + timedelta(hours=23)
    Schedule.objects.filter(minutes=24 * 60).update(next_run=in_time)
    for days in (1, 40):
        clock[0] = NOW + timedelta(days=days)
        enqueue("accounts.tasks.reset_quotas")
    enqueue("accounts.tasks.clear_expired")  # and taken by a worker that still has it
    OrmQ.objects.filter(pk=OrmQ.objects.latest("pk").pk).update(lock=NOW + LEAP)
    clock[0] = NOW
    enqueue("accounts.tasks.reset_quotas")
    taken = OrmQ.objects.latest("pk")
    in_work = NOW + timedelta(days=21)
    OrmQ.objects.filter(pk=taken.pk).update(lock=in_work)
    assert waiting_task_count() == 0
    correct_future_times()
    assert Schedule.objects.get(minutes=1).next_run == NOW
    assert Schedule.objects.get(minutes=24 * 60).next_run == in_time
    assert waiting_task_count() == 3
    taken.refresh_from_db()
    assert taken.lock == in_work, "somebody is at it"


def test_a_job_whose_worker_died_is_taken_back(clock: list[datetime], bob: User) -> None:
    add_job(video=make_video(uploader=bob, status="PENDING"))
    clock[0] = NOW + LEAP
    held = claim_next_job()
    assert held
    clock[0] = NOW
    correct_future_times()
    assert requeue_lost_jobs() == 0, "a worker that lives renews it within the lease"
    clock[0] = NOW + timedelta(seconds=31)
    assert requeue_lost_jobs() == 1
    assert claim_next_job()


def test_a_job_that_was_put_off_is_due(clock: list[datetime], bob: User) -> None:
    clock[0] = NOW + LEAP
    add_job(video=make_video(uploader=bob, status="PENDING"))
    clock[0] = NOW
    assert claim_next_job() is None
    correct_future_times()
    assert claim_next_job()


def test_quotas_are_reset_and_throttles_end(clock: list[datetime], bob: User) -> None:
    clock[0] = NOW + LEAP
    User.objects.filter(pk=bob.pk).update(weekly_upload_bytes=5)
    assert reset_due_quotas() == 1
    User.objects.filter(pk=bob.pk).update(weekly_upload_bytes=7)
    within = timedelta(minutes=5)
    assert allow("mail", "bob", times=1, within=within)
    TryCount.objects.create(key="bob", tries=20, last_at=clock[0], next_at=clock[0])
    clock[0] = NOW
    correct_future_times()
    bob.refresh_from_db()
    assert bob.weekly_upload_bytes == 7, "what counts this week goes on counting"
    assert TryCount.objects.get().last_at == NOW
    assert TryCount.objects.get().next_at == NOW + timedelta(hours=1)
    clock[0] = NOW + timedelta(minutes=6)
    assert allow("mail", "bob", times=1, within=within)
    clock[0] = week_end(NOW) + timedelta(seconds=1)
    assert reset_due_quotas() == 1


def issue_all(bob: User) -> None:
    """A guest link, an invitation, a session and an upload."""
    create_guest_link(video=make_video(uploader=bob), created_by=bob, lifetime=timedelta(days=7))
    issue_invitation(email="dora@example.org", role=Role.USER, created_by=make_admin())
    Session.objects.create(
        session_key="s", session_data="", expire_date=timezone.now() + timedelta(days=60), user=bob
    )
    create_upload(user=bob, size=7, filename="sea.mp4", details=VideoDetails(title="Sea"))


def test_what_expires_lives_no_longer_than_it_should(clock: list[datetime], bob: User) -> None:
    clock[0] = NOW + LEAP
    DayAlive.objects.create(date=clock[0].date())
    issue_all(bob)
    Upload.objects.update(
        writer_token="somebody elsewhere", writer_until=clock[0] + timedelta(seconds=10)
    )
    clock[0] = NOW
    correct_future_times()
    days = {
        GuestLink: GuestLink.objects.get().expires_at,
        Invitation: Invitation.objects.get().expires_at,
        Session: Session.objects.get().expire_date,
        Upload: Upload.objects.get().expires_at,
    }
    assert {model: (it - NOW).days for model, it in days.items()} == {
        GuestLink: 7,
        Invitation: 7,
        Session: 60,
        Upload: 2,
    }
    assert is_held(Upload.objects.get())
    clock[0] = NOW + timedelta(seconds=11)
    assert not is_held(Upload.objects.get())


def test_a_clock_that_is_behind_cuts_nothing_short(clock: list[datetime], bob: User) -> None:
    """The site was alive on days in the future, so the clock is wrong now."""
    issue_all(bob)
    before = [list(model.objects.values()) for model in (GuestLink, Invitation, Session, Upload)]
    clock[0] = NOW - LEAP
    warning = clock_warning()
    assert warning
    assert f"says {NOW - LEAP:%Y-%m-%d %H:%M} UTC" in warning
    assert f"is from {NOW:%Y-%m-%d}" in warning
    correct_future_times()
    tidy_up()
    after = [list(model.objects.values()) for model in (GuestLink, Invitation, Session, Upload)]
    assert after == before


def test_a_right_clock_changes_nothing_and_warns_of_nothing(
    clock: list[datetime], bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    issue_all(bob)
    add_job(video=make_video(uploader=bob, status="PENDING"))
    claim_next_job()
    newest = newest_moment()
    assert newest
    assert abs(newest - NOW) < timedelta(minutes=30)
    assert clock_warning() is None
    with CaptureQueriesContext(connection) as queries:
        correct_future_times()
    assert not [it["sql"] for it in queries if not it["sql"].startswith("SELECT")]
    assert len(queries) == 25
    assert caplog.records == []


def test_a_leap_ahead_deletes_nothing(clock: list[datetime], bob: User) -> None:
    issue_all(bob)
    before = [set(model.objects.all()) for model in (GuestLink, Invitation, Session, Upload)]
    clock[0] = NOW + LEAP
    correct_future_times()
    assert end_expired_uploads() == 0
    tidy_up()
    clock[0] = NOW
    correct_future_times()
    after = [set(model.objects.all()) for model in (GuestLink, Invitation, Session, Upload)]
    assert after == before
    assert Upload.objects.get().is_open


# Every stored time. Times that are written ahead of now are corrected (services.clock); all
# others say when something happened, and delay nothing.
BROUGHT_BACK = {
    "DailyStatistics.counted_at",
    "GuestLink.created_at",
    "GuestLink.expires_at",
    "Invitation.expires_at",
    "Job.lease_until",
    "Leaving.requested_at",
    "Job.run_after",
    "Removal.due_at",
    "Removal.next_try_at",
    "Session.expire_date",
    "Throttle.started_at",
    "Upload.expires_at",
    "TryCount.last_at",
    "TryCount.next_at",
    "Upload.writer_until",
    "User.last_upload_reset",
    "User.second_factor_due_at",
    "User.trashed_at",
    "Video.trashed_at",
}
WHEN_IT_WAS = {
    *(
        "added_at",
        "created_at",
        "deleted_at",
        "edited_at",
        "finished_at",
        "last_login",
        "last_used_at",
    ),
    *("handled_at", "last_seen_at", "last_viewed_at", "quota_reserved_at", "read_at", "revoked_at"),
    *("started_at", "touched_at", "updated_at", "used_at"),
    *("answered_at", "asked_at", "at", "beat_at", "deleting_since", "hashed_at", "hidden_at"),
    *("marked_at", "put_away_at", "quota_refused_at", "requested_at", "stored_counted_at"),
}
# Leases that count as ended if they end too far ahead (videos.services.removals, finalising).
VOID = {"BackupRun.lease_until", "Removal.taken_until", "Rendition.finalising_until"}


def test_every_moment_that_is_stored_has_been_thought_of() -> None:
    """A new time that may be in the future belongs into `correct_future_times`."""
    names = ("accounts", "categories", "siteconfig", "videos")
    ours = [apps.get_app_config(name) for name in names]
    unknown = {
        f"{model.__name__}.{field.name}"
        for app in ours
        for model in app.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, DateTimeField) and field.name not in WHEN_IT_WAS
    }
    assert unknown <= BROUGHT_BACK | VOID, unknown - BROUGHT_BACK - VOID
