"""Real workers, and what happens to a video when they are killed."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from siteconfig.models import ClusterHeartbeat
from tests import clips
from tests.builders import make_user
from tests.folders import entries
from tests.processes import wait_for
from tests.videos import live
from tests.videos.live import descendants, is_running, parent_of, program, starter_of
from tests.videos.stored_videos import everything_on_disk, sent_video, stream_md5, used
from tests.videos.test_processing import own_ffmpeg, real_time_ffmpeg
from videos.models import Job, JobState, Video
from videos.services.processing.claim import PATIENCE
from videos.services.processing.jobs import HEARTBEAT
from videos.services.stored_files import small_of
from videos.tasks import look_after_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]

READY_WITHIN = 10  # seconds, as documented, during any encode
# The time that an encode may wait, until the next heartbeat, and the encode itself.
GIVES_WAY_WITHIN = PATIENCE.total_seconds() + HEARTBEAT.total_seconds() + READY_WITHIN


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def start_workers(
    media: Path, static_files: Path, tmp_path: Path, transactional_db: None
) -> Iterator[Callable[..., int]]:
    """Starts the clusters over this test's database and folders. Returns the process id of the slow
    cluster."""
    with ExitStack() as running:

        def start(**settings: str) -> int:
            log = tmp_path / "queue.log"
            return running.enter_context(live.workers(media, static_files, log, **settings))

        yield start


def state_of(video: Video) -> str:
    return Video.objects.values_list("processing_status", flat=True).get(pk=video.pk)


def is_enriched() -> bool:
    return Job.objects.filter(kind="ENRICH", state=JobState.DONE).exists()


def ffmpegs_of(cluster: int) -> list[int]:
    return [pid for pid in descendants(cluster) if program(pid) == "ffmpeg"]


def test_a_video_whose_worker_is_killed_is_finished_by_another(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    """SIGKILL while FFmpeg encodes: FFmpeg ends too, and the job is requeued and completed.

    The same workers then publish a video that needs no encoding, remove what is deleted, and end
    with their cluster: each start of the clusters takes 3 s of processor time.
    """
    cluster = start_workers(FFMPEG_PATH=real_time_ffmpeg(tmp_path / "slow"))
    video = sent_video(bob, clips.hevc_mp4(seconds=4, size="160x90"))
    wait_for(lambda: Job.objects.get().progress, name="some progress")
    (ffmpeg,) = ffmpegs_of(cluster)
    os.kill(starter_of(ffmpeg), signal.SIGKILL)
    wait_for(lambda: not is_running(ffmpeg), seconds=5, name="the end of FFmpeg")

    # No worker claims it while the lease lasts; then the schedule of every minute requeues it.
    assert look_after_jobs() == 0
    killed = Job.objects.get()
    assert (killed.state, killed.losses) == (JobState.RUNNING, 1)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert look_after_jobs() == 1
    wait_for(lambda: state_of(video) == "COMPLETED", seconds=20, name="the video")

    wait_for(is_enriched, name="its enrichment")
    video.refresh_from_db()
    # The worker removes its folder after it stored the job's end.
    wait_for(lambda: entries(Path(django_settings.TEMP_STORAGE_PATH)) == [], name="tidiness")
    assert video.thumbnail_path is not None
    wait_for(small_of(video.thumbnail_path).is_file, name="its small thumbnail")
    assert everything_on_disk() == sorted(
        [
            f"originals/{video.original_file.name}",
            f"thumbnails/{video.thumbnail_filename}",
            f"thumbnails/small/{small_of(video.thumbnail_path).name}",
            f"thumbnails/{video.storyboard_filename}",
            f"videos/{video.filename}",
        ]
    )
    done = Job.objects.get(kind="ENCODE")
    # PUBLISH, the killed attempt, and one with more progress, which clears the lost attempts.
    assert (done.state, done.attempts, done.losses, done.failures) == (JobState.DONE, 3, 0, 0)
    assert used(bob) == video.file_size_bytes
    assert video.file_path.is_file()

    video.delete()
    a_copy_is_published_and_removed(bob)
    a_killed_cluster_leaves_no_process_behind(bob, cluster)


def a_copy_is_published_and_removed(bob: User) -> None:
    clip = clips.h264_mp4()
    video = sent_video(bob, clip)
    wait_for(lambda: state_of(video) == "COMPLETED", seconds=10, name="the video")
    video.refresh_from_db()
    assert stream_md5(video.file_path) == stream_md5(clip)
    wait_for(lambda: not Job.objects.exclude(state=JobState.DONE).exists(), name="its enrichment")
    # The video, its thumbnail, the small thumbnail, its storyboard.
    wait_for(lambda: len(everything_on_disk()) == 4, name="its files")
    video.delete()
    wait_for(lambda: everything_on_disk() == [], name="the removal of its files")


def a_killed_cluster_leaves_no_process_behind(bob: User, cluster: int) -> None:
    sent_video(bob, clips.hevc_mp4(seconds=4, size="160x90"))
    wait_for(lambda: Job.objects.filter(progress__gt=0, state=JobState.RUNNING).exists())
    assert ffmpegs_of(cluster)
    below = descendants(cluster)
    assert len(below) >= 4
    os.kill(cluster, signal.SIGKILL)
    wait_for(lambda: not [pid for pid in below if is_running(pid)], seconds=5, name="their end")


def test_a_stopped_cluster_gives_back_what_it_was_at_and_the_next_one_goes_on(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    cluster = start_workers(
        FFMPEG_PATH=real_time_ffmpeg(tmp_path / "slow"),
        CLIPSET_TEST_BEAT_SECONDS=str(BEAT),
        CLIPSET_TEST_QUIET_SECONDS="2",
    )
    video = sent_video(bob, clips.hevc_mp4(seconds=30, size="160x90", fps="10"))
    wait_for(lambda: Job.objects.get().progress, name="some progress")
    # An encode that takes longer than a task's time limit keeps its cluster's heartbeat.
    since = time.monotonic()
    while time.monotonic() - since < 3:
        goes_on("transcode")
    below = descendants(cluster)
    os.kill(cluster, signal.SIGTERM)
    wait_for(lambda: not [pid for pid in below if is_running(pid)], seconds=6, name="their end")
    job = Job.objects.get()
    assert (job.state, job.losses, job.failures) == (JobState.WAITING, 0, 0)
    start_workers()
    wait_for(lambda: state_of(video) == "COMPLETED", seconds=20, name="the video")
    assert Job.objects.get(kind="ENCODE").losses == 0


@pytest.mark.long  # the killed worker that had something to do is replaced in each run
def test_killed_workers_that_had_nothing_to_do_are_replaced_by_others_that_work(
    bob: User, start_workers: Callable[..., int]
) -> None:
    """One of the idle workers holds the lock that lets one of them wait at a time."""
    cluster = start_workers()
    first = sent_video(bob, clips.hevc_mp4())
    wait_for(is_enriched, name="all of the first")
    for worker in idle_workers(cluster):
        os.kill(worker, signal.SIGKILL)
    second = sent_video(bob, clips.hevc_mp4(seconds=3))
    wait_for(lambda: state_of(second) == "COMPLETED", name="the second")
    assert state_of(first) == "COMPLETED"


def idle_workers(cluster: int) -> list[int]:
    """The first two processes; the monitor and the pusher come after them."""
    [sentinel] = [pid for pid in descendants(cluster) if parent_of(pid) == cluster]
    return sorted(pid for pid in descendants(cluster) if parent_of(pid) == sentinel)[:2]


# -- the heartbeat --------------------------------------------------------------------------------


def beat_of(cluster: str) -> datetime | None:
    beats = ClusterHeartbeat.objects.filter(cluster=cluster)
    return beats.values_list("beat_at", flat=True).first()


def goes_on(cluster: str, *, within: float = 10) -> None:
    last = beat_of(cluster)
    wait_for(lambda: beat_of(cluster) != last, seconds=within, name=f"a heartbeat of {cluster}")


def falls_silent(cluster: str) -> None:
    """Within 10 s the cluster writes no heartbeat for three intervals."""

    def is_silent() -> bool:
        last = beat_of(cluster)
        time.sleep(3 * BEAT)
        return beat_of(cluster) == last

    wait_for(is_silent, seconds=10, name=f"the silence of {cluster}")


BEAT = 0.5  # seconds, instead of 20


@pytest.mark.long  # siteconfig/test_heartbeat.py shows what each part says
def test_a_cluster_beats_while_it_works_and_not_while_a_part_of_it_is_stopped(
    bob: User, start_workers: Callable[..., int]
) -> None:
    cluster = start_workers(CLIPSET_TEST_BEAT_SECONDS=str(BEAT))
    for name in ("clipset", "transcode"):
        wait_for(partial(beat_of, name), seconds=20, name=f"the first heartbeat of {name}")
    [sentinel] = [pid for pid in descendants(cluster) if parent_of(pid) == cluster]
    worker, *_, last = sorted(pid for pid in descendants(cluster) if parent_of(pid) == sentinel)
    for part in (worker, last, sentinel):
        os.kill(part, signal.SIGSTOP)
        falls_silent("transcode")
        goes_on("clipset")
        os.kill(part, signal.SIGCONT)
        goes_on("transcode")


# -- whose turn it is -----------------------------------------------------------------------------


def paced_ffmpeg(folder: Path, mark: str) -> str:
    """The real FFmpeg, which reads a command's input at playback speed if the command contains
    `mark`."""
    slow = f'case "$*" in *{mark}*) set -- -re "$@";; esac'
    return own_ffmpeg(folder, ffmpeg=f'{slow}\nexec {shutil.which("ffmpeg")} "$@"')


@pytest.mark.long  # processing/test_claim.py shows who is next
def test_short_videos_of_another_member_are_ready_while_one_of_two_hours_is_encoded(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    cluster = start_workers(FFMPEG_PATH=paced_ffmpeg(tmp_path / "slow", "source.mov"))
    long_video = sent_video(bob, clips.two_hours())
    wait_for(lambda: growing(long_video), seconds=30, name="the long one")

    alice, since = make_user("alice"), time.monotonic()
    waiting = {
        "HEVC": sent_video(alice, clips.hevc_mp4()),
        "H.264": sent_video(alice, clips.h264_mp4()),
    }
    while waiting and time.monotonic() - since < READY_WITHIN:
        waiting = {kind: it for kind, it in waiting.items() if state_of(it) != "COMPLETED"}
        time.sleep(0.05)
    assert not waiting
    assert state_of(long_video) == "PROCESSING"
    job = Job.objects.get(video=long_video)
    assert (job.kind, job.state, job.attempts, job.long_slot) == ("ENCODE", "RUNNING", 2, 1)
    assert ffmpegs_of(cluster)


def growing(video: Video) -> bool:
    return Job.objects.filter(video=video, kind="ENCODE", progress__isnull=False).exists()


def at_enrichment(video: Video) -> bool:
    return Job.objects.filter(video=video, kind="ENRICH", state="RUNNING").exists()


@pytest.mark.long  # processing/test_claim.py shows the order of the jobs
def test_enrichment_gives_way_to_a_video_that_nobody_can_watch_yet(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    """One worker for both: the enrichment that gives way loses no attempt and continues
    afterwards."""
    slow = paced_ffmpeg(tmp_path / "slow", "-source.mp4")
    start_workers(FFMPEG_PATH=slow, TRANSCODE_WORKERS="1")
    first = sent_video(bob, clips.h264_mp4(seconds=60))
    wait_for(lambda: at_enrichment(first), name="its enrichment")
    second = sent_video(bob, clips.hevc_mp4())
    wait_for(lambda: state_of(second) == "COMPLETED", seconds=GIVES_WAY_WITHIN, name="the second")
    wait_for(lambda: Job.objects.filter(kind="ENRICH", attempts=2).exists(), name="it goes on")
    gave_way = Job.objects.get(kind="ENRICH", video=first)
    assert (gave_way.failures, gave_way.losses) == (0, 1 if gave_way.attempts == 2 else 0)
    assert state_of(first) == "COMPLETED"


@pytest.mark.long  # as above, for another kind of job
def test_a_stopped_cluster_gives_back_enrichment_too(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    cluster = start_workers(FFMPEG_PATH=paced_ffmpeg(tmp_path / "slow", "-source.mp4"))
    video = sent_video(bob, clips.h264_mp4(seconds=60))
    wait_for(lambda: at_enrichment(video) and ffmpegs_of(cluster), name="its enrichment")
    below = descendants(cluster)
    os.kill(cluster, signal.SIGTERM)
    wait_for(lambda: not [pid for pid in below if is_running(pid)], seconds=6, name="their end")
    job = Job.objects.get(kind="ENRICH")
    assert (job.state, job.losses, job.failures) == (JobState.WAITING, 0, 0)
    start_workers()
    done = Job.objects.filter(kind="ENRICH", state=JobState.DONE, losses=0)
    wait_for(done.exists, seconds=20, name="its end")
    video.refresh_from_db()
    assert video.storyboard_path is not None
    assert video.storyboard_path.is_file()
