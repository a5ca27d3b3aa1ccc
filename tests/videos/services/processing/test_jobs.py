"""The state machine of jobs: claimed once, fenced by the lease, given up after limits, refunded
once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from tests.builders import make_user, make_video
from tests.videos.stored_videos import used, wake_ups
from videos.models import Job, JobState, ProcessingStatus, Video
from videos.services.processing import jobs
from videos.services.processing.claim import claim_next_job
from videos.services.processing.enqueue import enqueue_due_jobs
from videos.services.processing.jobs import (
    BACKOFF,
    LEASE,
    LOST,
    MAX_FAILURES,
    MAX_LOSSES,
    LeaseLostError,
    end_job,
    fail_attempt,
    lose_attempt,
    open_job,
    reject_source,
    renew_lease,
    requeue_lost_jobs,
)
from videos.tasks import look_after_jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import User

pytestmark = pytest.mark.django_db

SIZE = 1000
SENTENCE = "It did not work."


@pytest.fixture
def bob() -> User:
    return make_user("bob", weekly_upload_bytes=5 * SIZE)


def waiting_job(user: User | None = None, **fields: object) -> Job:
    """A waiting job, and its video, which is charged to its uploader."""
    video = make_video(
        uploader=user,
        status=ProcessingStatus.PENDING,
        file_size_bytes=SIZE,
        quota_bytes=SIZE,
        quota_reserved_at=timezone.now(),
    )
    return Job.objects.create(video=video, **fields)


def claimed() -> Job:
    job = claim_next_job()
    assert job is not None
    return job


def now_due() -> None:
    """Makes all jobs due, as after the time until the next attempt."""
    Job.objects.filter(state=JobState.WAITING).update(
        run_after=timezone.now() - timedelta(seconds=1)
    )


def lease_runs_out(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


# -- claiming -------------------------------------------------------------------------------------


def test_nothing_is_claimed_when_there_is_nothing_to_do() -> None:
    assert claim_next_job() is None


def test_a_claim_counts_the_attempt_before_the_work_and_shows_it() -> None:
    waiting = waiting_job()
    job = claimed()
    assert job.pk == waiting.pk
    assert (job.state, job.losses, job.failures) == (JobState.RUNNING, 1, 0)
    assert job.lease_until is not None
    assert timedelta(0) < job.lease_until - timezone.now() <= LEASE
    assert len(job.lease_owner) == 32
    assert job.video.processing_status == ProcessingStatus.PROCESSING


def test_the_one_that_waits_longest_comes_first() -> None:
    now = timezone.now()
    late = waiting_job(run_after=now - timedelta(seconds=1))
    early = waiting_job(run_after=now - timedelta(seconds=9))
    assert [claimed().pk, claimed().pk] == [early.pk, late.pk]


def test_what_is_not_due_yet_is_left_alone() -> None:
    waiting_job(run_after=timezone.now() + timedelta(seconds=5))
    assert claim_next_job() is None
    assert claim_next_job(now=timezone.now() + timedelta(seconds=6)) is not None


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_claim_every_job_exactly_once() -> None:
    all_jobs = {waiting_job().pk for _ in range(12)}
    start = threading.Barrier(6)

    def work(_: int) -> list[int]:
        try:
            start.wait()
            taken = []
            while (job := claim_next_job()) is not None:
                taken.append(job.pk)
            return taken
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        taken = [pk for one in pool.map(work, range(6)) for pk in one]
    # A worker may get nothing although jobs are left: others were faster. The rest is still due.
    while (job := claim_next_job()) is not None:
        taken.append(job.pk)
    assert sorted(taken) == sorted(all_jobs)
    assert set(Job.objects.values_list("losses", flat=True)) == {1}


def test_a_video_has_one_open_job() -> None:
    job = waiting_job()
    with (
        pytest.raises(IntegrityError, match=r"jobs_one_open_a_video|jobs\.video_id"),
        transaction.atomic(),
    ):
        Job.objects.create(video=job.video)
    end_job(claimed())
    assert open_job(job.video) is None
    again = Job.objects.create(video=job.video)
    assert open_job(job.video) == again


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "NONSENSE"},
        {"state": JobState.RUNNING},
        {"state": JobState.RUNNING, "lease_owner": "x"},
        {"state": JobState.WAITING, "lease_owner": "x", "lease_until": timezone.now()},
        {"state": JobState.DONE, "lease_until": timezone.now()},
    ],
)
def test_the_database_refuses_a_job_that_cannot_be(fields: dict[str, object]) -> None:
    video = make_video()
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Job.objects.create(video=video, **fields)


def test_adding_a_job_wakes_a_worker() -> None:
    job = jobs.add_job(video=make_video(status=ProcessingStatus.PENDING))
    assert job.state == JobState.WAITING
    assert wake_ups() == ["videos.tasks.run_next_job"]


def test_job_and_wake_up_are_there_together_or_not_at_all() -> None:
    video = make_video(status=ProcessingStatus.PENDING)

    def add_and_fail() -> None:
        with transaction.atomic():
            jobs.add_job(video=video)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()
    assert (Job.objects.count(), OrmQ.objects.count()) == (0, 0)


# -- the lease ------------------------------------------------------------------------------------


def test_a_heartbeat_renews_the_lease_and_tells_the_progress() -> None:
    waiting_job()
    job = claimed()
    soon = timezone.now() + timedelta(seconds=1)
    Job.objects.update(lease_until=soon)
    renew_lease(job, percent=42, seconds_left=7)
    now = Job.objects.get()
    assert (now.progress, now.seconds_left) == (42, 7)
    assert now.lease_until is not None
    assert now.lease_until > soon


def test_who_lost_the_lease_changes_nothing(bob: User) -> None:
    waiting_job(bob)
    stale = claimed()
    lease_runs_out(stale)
    assert requeue_lost_jobs() == 1
    fresh = claimed()
    assert fresh.lease_owner != stale.lease_owner
    before = Job.objects.values().get(), Video.objects.values().get(), used(bob)

    changes: list[Callable[[], object]] = [
        lambda: renew_lease(stale, percent=99, seconds_left=1),
        lambda: end_job(stale),
        lambda: fail_attempt(stale, sentence=SENTENCE),
        lambda: reject_source(stale, sentence=SENTENCE),
        lambda: lose_attempt(stale),
    ]
    for change in changes:
        with pytest.raises(LeaseLostError):
            change()
        assert (Job.objects.values().get(), Video.objects.values().get(), used(bob)) == before
    end_job(fresh)


def test_who_lost_the_lease_changes_nothing_when_it_was_about_to_give_up(bob: User) -> None:
    """The changes that end a job for good are fenced as well."""
    waiting_job(bob, failures=MAX_FAILURES - 1, losses=MAX_LOSSES - 1)
    stale = claimed()
    Job.objects.update(lease_owner="somebody else")
    before = Job.objects.values().get(), Video.objects.values().get(), used(bob)
    changes: list[Callable[[], object]] = [
        lambda: fail_attempt(stale, sentence=SENTENCE),
        lambda: lose_attempt(stale),
    ]
    for change in changes:
        with pytest.raises(LeaseLostError):
            change()
        assert (Job.objects.values().get(), Video.objects.values().get(), used(bob)) == before


def test_a_token_that_was_emptied_holds_nothing() -> None:
    waiting_job()
    job = claimed()
    end_job(job)
    job.lease_owner = ""
    with pytest.raises(LeaseLostError):
        renew_lease(job, percent=1, seconds_left=None)


def test_a_job_whose_video_is_gone_is_lost() -> None:
    waiting_job()
    job = claimed()
    Video.objects.all().delete()
    with pytest.raises(LeaseLostError):
        renew_lease(job, percent=1, seconds_left=None)
    with pytest.raises(LeaseLostError):
        fail_attempt(job, sentence=SENTENCE)


# -- taken back -----------------------------------------------------------------------------------


def test_a_lease_that_still_runs_is_not_taken_back() -> None:
    waiting_job()
    job = claimed()
    assert requeue_lost_jobs() == 0
    assert requeue_lost_jobs(now=timezone.now() + LEASE + timedelta(seconds=1)) == 1
    job.refresh_from_db()
    assert (job.state, job.lease_owner, job.lease_until) == (JobState.WAITING, "", None)
    assert (job.losses, job.failures) == (1, 0)


def test_a_lease_that_is_renewed_meanwhile_is_not_taken_back() -> None:
    waiting_job()
    job = claimed()
    lease_runs_out(job)
    renew_lease(job, percent=1, seconds_left=None)
    assert requeue_lost_jobs() == 0
    end_job(job)


def test_after_five_lost_workers_it_is_given_up_with_a_sentence_and_one_refund(bob: User) -> None:
    waiting_job(bob)
    for losses in range(1, MAX_LOSSES + 1):
        now_due()
        job = claimed()
        assert job.losses == losses
        lease_runs_out(job)
        assert used(bob) == 5 * SIZE
        assert requeue_lost_jobs() == 1
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    video = Video.objects.get()
    assert (video.processing_status, video.error_message) == (ProcessingStatus.FAILED, LOST)
    assert (used(bob), video.quota_bytes) == (4 * SIZE, 0)
    assert requeue_lost_jobs() == 0
    assert claim_next_job(now=timezone.now() + timedelta(days=1)) is None
    assert used(bob) == 4 * SIZE


def test_ffmpeg_killed_by_somebody_else_counts_as_a_lost_worker(bob: User) -> None:
    waiting_job(bob)
    for _ in range(MAX_LOSSES - 1):
        now_due()
        assert not lose_attempt(claimed())
    now_due()
    assert lose_attempt(claimed())
    assert Video.objects.get().error_message == LOST
    assert used(bob) == 4 * SIZE


# -- failed ---------------------------------------------------------------------------------------


def test_our_failures_are_tried_three_times_with_growing_pauses(bob: User) -> None:
    waiting_job(bob)
    for failures in range(1, MAX_FAILURES):
        job = claimed()
        before = timezone.now()
        assert not fail_attempt(job, sentence=SENTENCE)
        job.refresh_from_db()
        assert (job.state, job.failures, job.losses) == (JobState.WAITING, failures, 0)
        pause = job.run_after - before
        assert BACKOFF[failures] <= pause < BACKOFF[failures] + timedelta(seconds=2)
        assert claim_next_job() is None
        assert used(bob) == 5 * SIZE
        now_due()
    assert fail_attempt(claimed(), sentence=SENTENCE)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.finished_at is not None
    assert Video.objects.get().error_message == SENTENCE
    assert used(bob) == 4 * SIZE


def test_a_failure_that_would_occur_again_is_not_tried_again(bob: User) -> None:
    waiting_job(bob)
    job = claimed()
    assert fail_attempt(job, sentence=SENTENCE, is_final=True)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    video = Video.objects.get()
    assert video.error_message == SENTENCE
    assert not video.is_refused
    assert used(bob) == 4 * SIZE


def test_failures_and_losses_are_counted_apart(bob: User) -> None:
    """Restarts of workers between two failures do not use up the attempts."""
    waiting_job(bob)
    for _ in range(2):
        now_due()
        lease_runs_out(claimed())
        requeue_lost_jobs()
        now_due()
        assert not fail_attempt(claimed(), sentence=SENTENCE)
    job = Job.objects.get()
    assert (job.failures, job.losses) == (2, 2)


def test_a_refused_source_fails_at_once_and_gives_the_quota_back(bob: User) -> None:
    waiting_job(bob)
    reject_source(claimed(), sentence=SENTENCE)
    assert Job.objects.get().state == JobState.FAILED
    video = Video.objects.get()
    assert (video.processing_status, video.error_message) == (ProcessingStatus.FAILED, SENTENCE)
    assert used(bob) == 4 * SIZE


def test_a_refund_counts_only_in_the_week_of_its_reservation(bob: User) -> None:
    job = waiting_job(bob)
    Video.objects.update(quota_reserved_at=timezone.now() - timedelta(days=8))
    bob.last_upload_reset = timezone.now()
    bob.weekly_upload_bytes = 300
    bob.save()
    reject_source(claimed(), sentence=SENTENCE)
    assert used(bob) == 300
    assert Job.objects.get(pk=job.pk).state == JobState.FAILED


def test_the_failure_is_dated_so_that_its_source_is_kept_from_then_on() -> None:
    waiting_job()
    long_ago = timezone.now() - timedelta(days=20)
    Video.objects.update(updated_at=long_ago)
    reject_source(claimed(), sentence=SENTENCE)
    assert timezone.now() - Video.objects.get().updated_at < timedelta(minutes=1)


def test_a_finished_job_is_no_loss() -> None:
    waiting_job()
    job = claimed()
    end_job(job)
    job.refresh_from_db()
    assert (job.state, job.losses, job.progress) == (JobState.DONE, 0, 100)
    assert job.finished_at is not None
    with pytest.raises(LeaseLostError):
        end_job(job)


# -- waking ---------------------------------------------------------------------------------------


def test_work_that_nobody_was_woken_for_is_woken_once() -> None:
    waiting_job()
    assert enqueue_due_jobs()
    assert wake_ups() == ["videos.tasks.run_next_job"]
    assert not enqueue_due_jobs()
    assert len(wake_ups()) == 1


def test_nobody_is_woken_for_what_is_not_due() -> None:
    waiting_job(run_after=timezone.now() + timedelta(seconds=30))
    assert not enqueue_due_jobs()
    assert wake_ups() == []
    assert enqueue_due_jobs(now=timezone.now() + timedelta(seconds=31))


def test_at_most_ten_are_woken_at_a_time() -> None:
    for _ in range(12):
        waiting_job()
    assert enqueue_due_jobs()
    assert len(wake_ups()) == 10


def test_the_minute_task_takes_back_and_wakes() -> None:
    waiting_job()
    lease_runs_out(claimed())
    assert look_after_jobs() == 1
    assert wake_ups() == ["videos.tasks.run_next_job"]
    assert claim_next_job() is not None
