"""Real workers, and what happens to a film when they are killed."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from tests import clips
from tests.builders import make_user
from tests.processes import wait_for
from tests.videos import live
from tests.videos.films import everything_on_disk, sent_film, stream_md5, used
from tests.videos.live import descendants, is_running, parent_of, program
from tests.videos.test_processing import real_time_ffmpeg
from videos.models import Job, Video
from videos.models.job import JobState
from videos.tasks import look_after_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def start_workers(
    media: Path, static_files: Path, tmp_path: Path, transactional_db: None
) -> Iterator[Callable[..., int]]:
    """Starts a cluster over this test's database and folders; gives its process id."""
    with ExitStack() as running:

        def start(**settings: str) -> int:
            log = tmp_path / "queue.log"
            return running.enter_context(live.workers(media, static_files, log, **settings))

        yield start


def state_of(video: Video) -> str:
    return Video.objects.values_list("processing_status", flat=True).get(pk=video.pk)


def ffmpegs_of(cluster: int) -> list[int]:
    return [pid for pid in descendants(cluster) if program(pid) == "ffmpeg"]


def test_workers_process_what_was_uploaded_and_remove_what_was_deleted(
    bob: User, start_workers: Callable[..., int]
) -> None:
    start_workers()
    clip = clips.h264_mp4()
    video = sent_film(bob, clip)
    wait_for(lambda: state_of(video) == "COMPLETED", seconds=10, name="the film")
    video.refresh_from_db()
    assert stream_md5(video.file_path) == stream_md5(clip)
    wait_for(lambda: len(everything_on_disk()) == 2)
    video.delete()
    wait_for(lambda: everything_on_disk() == [], name="the removal of its files")


def test_a_film_whose_worker_is_killed_is_finished_by_another(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    """SIGKILL while FFmpeg encodes: FFmpeg goes too, the film is taken back and completed."""
    cluster = start_workers(FFMPEG_PATH=real_time_ffmpeg(tmp_path / "slow"))
    video = sent_film(bob, clips.hevc_mp4(seconds=4, size="160x90"))
    wait_for(lambda: Job.objects.get().progress, name="some progress")
    (ffmpeg,) = ffmpegs_of(cluster)
    os.kill(parent_of(ffmpeg), signal.SIGKILL)
    wait_for(lambda: not is_running(ffmpeg), seconds=5, name="the end of FFmpeg")

    # Nobody takes it while the lease runs; then the schedule of every minute does.
    assert look_after_jobs() == 0
    killed = Job.objects.get()
    assert (killed.state, killed.losses) == (JobState.RUNNING, 1)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert look_after_jobs() == 1
    wait_for(lambda: state_of(video) == "COMPLETED", seconds=20, name="the film")

    video.refresh_from_db()
    wait_for(lambda: len(everything_on_disk()) == 3)
    assert everything_on_disk() == sorted(
        [
            f"originals/{video.original_file.name}",
            f"thumbnails/{video.thumbnail_filename}",
            f"videos/{video.filename}",
        ]
    )
    assert list(Path(django_settings.TEMP_STORAGE_PATH).iterdir()) == []
    done = Job.objects.get()
    assert (done.state, done.losses, done.failures) == (JobState.DONE, 1, 0)
    assert used(bob) == video.file_size_bytes
    assert video.file_path.is_file()


def test_a_stopped_cluster_gives_back_what_it_was_at_and_the_next_one_goes_on(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    cluster = start_workers(FFMPEG_PATH=real_time_ffmpeg(tmp_path / "slow"))
    video = sent_film(bob, clips.hevc_mp4(seconds=30, size="160x90"))
    wait_for(lambda: Job.objects.get().progress, name="some progress")
    below = descendants(cluster)
    os.kill(cluster, signal.SIGTERM)
    wait_for(lambda: not [pid for pid in below if is_running(pid)], seconds=6, name="their end")
    job = Job.objects.get()
    assert (job.state, job.losses, job.failures) == (JobState.WAITING, 0, 0)
    start_workers()
    wait_for(lambda: state_of(video) == "COMPLETED", seconds=20, name="the film")
    assert Job.objects.get().losses == 0


def test_a_killed_cluster_leaves_no_process_behind(
    bob: User, start_workers: Callable[..., int], tmp_path: Path
) -> None:
    cluster = start_workers(FFMPEG_PATH=real_time_ffmpeg(tmp_path / "slow"))
    sent_film(bob, clips.hevc_mp4(seconds=4, size="160x90"))
    wait_for(lambda: Job.objects.get().progress, name="some progress")
    assert ffmpegs_of(cluster)
    below = descendants(cluster)
    assert len(below) >= 4
    os.kill(cluster, signal.SIGKILL)
    wait_for(lambda: not [pid for pid in below if is_running(pid)], seconds=5, name="their end")
