"""Claiming jobs: watchable work first, then the member served longest ago, and long slots."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from tests.builders import make_user, make_video
from tests.videos.stored_videos import used, wake_ups
from videos.models import Job, JobKind, JobState, ProcessingStatus, Rendition, Video
from videos.services.processing import jobs
from videos.services.processing.claim import LONG_SECONDS, claim_next_job, is_encode_waiting
from videos.services.processing.enqueue import QUICK, SLOW, enqueue_due_jobs
from videos.services.processing.jobs import (
    MAX_LOSSES,
    LeaseLostError,
    cancel_job,
    end_job,
    give_back_job,
    hand_to_encoder,
    renew_lease,
    requeue_lost_jobs,
)
from videos.transcode.media import MediaInfo
from videos.transcode.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

SHORT, LONG = LONG_SECONDS - 1.0, LONG_SECONDS + 1.0


def job_of(
    user: User, kind: JobKind = JobKind.ENCODE, seconds: float | None = SHORT, **fields: object
) -> Job:
    ready = kind == JobKind.ENRICH
    status = ProcessingStatus.COMPLETED if ready else ProcessingStatus.PENDING
    video = make_video(uploader=user, status=status)
    return Job.objects.create(video=video, kind=kind, source_seconds=seconds, **fields)


def claimed(kinds: tuple[JobKind, ...] = SLOW) -> Job:
    job = claim_next_job(kinds)
    assert job is not None
    return job


def growing(job: Job) -> Rendition:
    return Rendition.objects.create(
        video=job.video,
        name="720p",
        root="temp",
        filename=f"{job.pk}.mp4",
        version="v",
        width=1280,
        height=720,
        fps=25,
        bandwidth=1,
        average_bandwidth=1,
        duration_seconds=9,
    )


# -- order ----------------------------------------------------------------------------------------


def test_each_cluster_takes_its_own_kinds() -> None:
    bob = make_user("bob")
    encode = job_of(bob)
    publish = job_of(bob, JobKind.PUBLISH, None)
    assert claimed(QUICK).pk == publish.pk
    assert claim_next_job(QUICK) is None
    assert claimed(SLOW).pk == encode.pk


def test_what_nobody_can_watch_yet_comes_before_enrichment() -> None:
    bob = make_user("bob")
    enrich = job_of(bob, JobKind.ENRICH)
    encode = job_of(make_user("carol"))
    assert [claimed().pk, claimed().pk] == [encode.pk, enrich.pk]


def test_a_batch_of_twenty_makes_nobody_else_wait() -> None:
    alice, bob, carol = make_user("alice"), make_user("bob"), make_user("carol")
    batch = [job_of(alice).pk for _ in range(20)]
    (of_bob, of_carol) = (job_of(bob).pk, job_of(carol).pk)
    order = []
    for _ in range(4):
        job = claimed()
        order.append(job.pk)
        end_job(job)
    assert order == [batch[0], of_bob, of_carol, batch[1]]


# -- places ---------------------------------------------------------------------------------------


def test_long_videos_leave_a_place_for_short_ones(settings: Settings) -> None:
    settings.TRANSCODE_WORKERS = 2
    users = [make_user() for _ in range(3)]
    first, second = job_of(users[0], seconds=LONG), job_of(users[1], seconds=LONG)
    short = job_of(users[2], seconds=SHORT)
    taken = claimed()
    assert (taken.pk, taken.long_slot) == (first.pk, 1)
    assert claimed().pk == short.pk
    assert claim_next_job(SLOW) is None
    end_job(taken)
    assert claimed().pk == second.pk


def test_however_many_long_videos_wait_a_short_one_is_found(settings: Settings) -> None:
    settings.TRANSCODE_WORKERS = 2
    bob = make_user("bob")
    for _ in range(60):
        job_of(bob, seconds=LONG)
    short = job_of(bob, seconds=SHORT)
    assert claimed().long_slot == 1
    assert claimed().pk == short.pk
    assert claim_next_job(SLOW) is None


def test_with_more_workers_there_are_more_places_for_long_ones(settings: Settings) -> None:
    settings.TRANSCODE_WORKERS = 4
    for _ in range(4):
        job_of(make_user(), seconds=LONG)
    assert sorted(claimed().long_slot or 0 for _ in range(3)) == [1, 2, 3]
    assert claim_next_job(SLOW) is None


def test_one_worker_alone_takes_long_videos_too(settings: Settings) -> None:
    settings.TRANSCODE_WORKERS = 1
    job_of(make_user(), seconds=LONG)
    assert claimed().long_slot == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_do_not_share_a_long_place(settings: Settings) -> None:
    settings.TRANSCODE_WORKERS = 3
    for _ in range(6):
        job_of(make_user(), seconds=LONG)
    start = threading.Barrier(4)

    def work(_: int) -> int | None:
        try:
            start.wait()
            job = claim_next_job(SLOW)
            return job.long_slot if job else None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        slots = [slot for slot in pool.map(work, range(4)) if slot is not None]
    while (job := claim_next_job(SLOW)) is not None:
        slots.append(job.long_slot or 0)
    assert sorted(slots) == [1, 2]


def test_a_place_is_free_again_however_its_job_ends() -> None:
    ends: list[Callable[[Job], object]] = [
        end_job,
        give_back_job,
        lambda job: jobs.fail_attempt(job, sentence="No."),
        lambda job: jobs.reject_source(job, sentence="No."),
        jobs.lose_attempt,
        lambda job: cancel_job(job, sentence="No."),
        lambda _: requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1)),
    ]
    for end in ends:
        job_of(make_user(), seconds=LONG)
        job = claimed()
        end(job)
        job.refresh_from_db()
        assert job.long_slot is None
        Job.objects.all().delete()


def test_enrichment_gives_way_to_what_has_waited_a_while() -> None:
    job_of(make_user(), JobKind.ENRICH)
    claimed()
    assert not is_encode_waiting()
    encode = job_of(make_user(), seconds=LONG)
    assert not is_encode_waiting(), "a free worker may be about to take it"
    Job.objects.filter(pk=encode.pk).update(run_after=timezone.now() - timedelta(seconds=6))
    assert is_encode_waiting()


# -- from one to the next -------------------------------------------------------------------------


def test_what_has_to_be_encoded_is_handed_to_the_other_cluster() -> None:
    job_of(make_user(), JobKind.PUBLISH, None)
    job = claimed(QUICK)
    probed = MediaInfo(
        container="avi",
        timeline=Timeline(start=0.0, end=12.5),
        shift_seconds=0.0,
        size_bytes=1,
        whole=True,
        video=None,
        sounds=(),
    )
    hand_to_encoder(job, probed)
    job.refresh_from_db()
    assert (job.kind, job.state, job.losses) == (JobKind.ENCODE, JobState.WAITING, 0)
    assert job.source_seconds == 12.5
    assert wake_ups() == ["videos.tasks.run_next_encode"]
    assert Video.objects.get().processing_status == ProcessingStatus.PROCESSING
    with pytest.raises(LeaseLostError):
        hand_to_encoder(job, probed)


def test_each_cluster_is_woken_for_its_own() -> None:
    job_of(make_user(), JobKind.PUBLISH)
    job_of(make_user(), JobKind.ENRICH)
    job_of(make_user(), JobKind.ENCODE)
    assert enqueue_due_jobs()
    assert sorted(wake_ups()) == [
        "videos.tasks.run_next_encode",
        "videos.tasks.run_next_encode",
        "videos.tasks.run_next_job",
    ]
    assert not enqueue_due_jobs()


# -- losses ---------------------------------------------------------------------------------------


def test_progress_clears_the_count_of_lost_workers_but_only_where_none_was_before() -> None:
    job_of(make_user())
    for percent in (10, 20, 30, 40, 50, 60):
        job = claimed()
        renew_lease(job, percent=percent, seconds_left=None)
        requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1))
        Job.objects.update(run_after=timezone.now())
    job = Job.objects.get()
    assert (job.state, job.losses, job.attempts, job.furthest) == (JobState.WAITING, 1, 6, 60)
    for _ in range(MAX_LOSSES - 1):
        job = claimed()
        renew_lease(job, percent=60, seconds_left=None)
        requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1))
        Job.objects.update(run_after=timezone.now())
    assert Job.objects.get().state == JobState.FAILED


# -- what was growing -----------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["fails", "lost", "given back", "cancelled", "lease expired"])
def test_what_an_attempt_was_making_is_not_shown_any_more_once_it_has_ended(end: str) -> None:
    job_of(make_user())
    job = claimed()
    growing(job)
    if end == "fails":
        jobs.fail_attempt(job, sentence="No.")
    elif end == "lost":
        jobs.lose_attempt(job)
    elif end == "given back":
        give_back_job(job)
    elif end == "cancelled":
        cancel_job(job, sentence="No.")
    else:
        requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1))
    assert not Rendition.objects.exists()


# -- cancelling -----------------------------------------------------------------------------------


def test_a_cancelled_job_is_over_for_whoever_holds_it_and_the_quota_is_given_back_once() -> None:
    bob = make_user("bob", weekly_upload_bytes=1000)
    job_of(bob, JobKind.PUBLISH)
    Video.objects.update(quota_bytes=400, quota_reserved_at=timezone.now())
    job = claimed(QUICK)
    assert cancel_job(job, sentence="Stopped.")
    assert not cancel_job(job, sentence="Stopped.")
    video = Video.objects.get()
    assert (video.processing_status, video.error_message) == ("FAILED", "Stopped.")
    assert used(bob) == 600
    with pytest.raises(LeaseLostError):
        renew_lease(job, percent=1, seconds_left=None)


def test_a_video_that_plays_stays_as_it_is_when_its_enrichment_fails() -> None:
    job_of(make_user(), JobKind.ENRICH)
    for _ in range(jobs.MAX_FAILURES):
        Job.objects.update(run_after=timezone.now())
        jobs.fail_attempt(claimed(), sentence="No.")
    assert Job.objects.get().state == JobState.FAILED
    video = Video.objects.get()
    assert (video.processing_status, video.error_message) == ("COMPLETED", None)
