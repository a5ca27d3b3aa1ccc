"""Real clusters whose clock is 40 days ahead for a while."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule, Success

from accounts.models import Session, User
from accounts.services.quota import reset_due_quotas, week_end
from tests.builders import live_for, make_user, make_video
from tests.processes import wait_for
from tests.videos import live
from videos.models import Job, JobState, Upload, Video
from videos.services.processing.claim import claim_next_job
from videos.services.processing.jobs import LEASE
from videos.services.uploads.create import VideoDetails, create_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.shifted_clock import ShiftedClock

pytestmark = pytest.mark.django_db(transaction=True)

LEAP = timedelta(days=40)
BACK_WITHIN = 120  # seconds, as documented


@pytest.fixture
def start_workers(
    media: Path, static_files: Path, tmp_path: Path, transactional_db: None
) -> Iterator[Callable[..., int]]:
    with ExitStack() as running:

        def start(**settings: str) -> int:
            log = tmp_path / "queue.log"
            return running.enter_context(live.workers(media, static_files, log, **settings))

        yield start


def hold_job_ahead() -> Job:
    """A job whose worker claimed it by a clock that is ahead, and died."""
    ahead = timezone.now() + LEAP
    job = Job.objects.create(video=make_video(uploader=make_user(), status="PENDING"))
    held = claim_next_job(now=ahead)
    assert held == job
    return job


def next_run(name: str) -> timedelta:
    """The time until the next run, from now."""
    moment: datetime = Schedule.objects.values_list("next_run", flat=True).get(name=name)
    return moment - timezone.now()


def test_a_cluster_that_starts_brings_back_what_a_clock_ahead_left(
    start_workers: Callable[..., int],
) -> None:
    call_command("setup_schedules", verbosity=0)
    Schedule.objects.update(next_run=timezone.now() + LEAP)
    User.objects.filter(pk=make_user("bob").pk).update(last_upload_reset=timezone.now() + LEAP)
    job = hold_job_ahead()
    start_workers()
    soon = timedelta(minutes=2)

    def all_is_back() -> bool:
        now = timezone.now()
        return not (
            Schedule.objects.filter(next_run__gt=now + timedelta(days=1) + soon).exists()
            or Job.objects.filter(pk=job.pk, lease_until__gt=now + LEASE + soon).exists()
            or User.objects.filter(last_upload_reset__gt=now).exists()
        )

    wait_for(all_is_back, name="all of it")


@pytest.mark.long
def test_a_clock_ahead_that_is_set_right_stops_nothing_and_deletes_nothing(
    start_workers: Callable[..., int], shifted_clock: ShiftedClock
) -> None:
    live_for(60)
    bob = make_user("bob")
    User.objects.filter(pk=bob.pk).update(last_upload_reset=timezone.now() - timedelta(days=30))
    upload = create_upload(user=bob, size=7, filename="sea.mp4", details=VideoDetails(title="Sea"))
    upload.folder_path.mkdir()
    upload.source_path.write_bytes(b"sea")
    Session.objects.create(
        session_key="s", session_data="", expire_date=timezone.now() + timedelta(days=30), user=bob
    )
    call_command("setup_schedules", verbosity=0)

    shifted_clock.set_ahead(LEAP)
    start_workers(**shifted_clock.environment)
    tidied, cleared = (
        Success.objects.filter(func=task)
        for task in ("videos.tasks.tidy_up", "accounts.tasks.clear_expired")
    )
    wait_for(lambda: tidied.exists() and cleared.exists(), seconds=60, name="the first schedules")
    wait_for(lambda: next_run("Look after jobs") > LEAP - timedelta(days=1), name="the leap")
    wait_for(lambda: User.objects.get(pk=bob.pk).last_upload_reset > timezone.now(), name="a reset")
    job = hold_job_ahead()
    shifted_clock.set_right()
    right = timezone.now()

    def is_taken_back() -> bool:
        return Job.objects.exclude(state=JobState.RUNNING, attempts=1).filter(pk=job.pk).exists()

    ran = Success.objects.filter(
        func="videos.tasks.look_after_jobs", started__range=(right, right + timedelta(days=1))
    )
    wait_for(ran.exists, seconds=BACK_WITHIN, name="the minute sweep")
    left = BACK_WITHIN - (timezone.now() - right).total_seconds()
    wait_for(is_taken_back, seconds=left, name="the job taken back")
    assert next_run("Reset weekly quotas") < timedelta(hours=1, minutes=2)
    assert next_run("Remove expired sessions and invitations") < timedelta(days=1, minutes=2)
    assert User.objects.get(pk=bob.pk).last_upload_reset <= timezone.now()
    assert reset_due_quotas(now=week_end(timezone.now()) + timedelta(seconds=1)) >= 1
    # Nothing expired for good.
    assert Upload.objects.get(pk=upload.pk).is_open
    assert upload.source_path.read_bytes() == b"sea"
    assert Session.objects.count() == 1
    assert Video.objects.count() == 1
