"""An older database is restored: finished files whose video's row is unfinished are published
again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from tests import clips
from tests.builders import live_for, make_user, make_video
from tests.videos.stored_videos import (
    enrich,
    everything_on_disk,
    ready_video,
    sent_video,
    set_aside_files,
    stream_md5,
    used,
    work,
)
from tests.videos.test_workers import start_workers  # noqa: F401 a fixture
from videos.models import (
    Job,
    JobState,
    ProcessingStatus,
    Removal,
    Rendition,
    Upload,
    UploadState,
    Video,
)
from videos.services.files import STRAYS_FOR, UNNAMED_AGE
from videos.services.processing.attempt import SOURCE_MISSING
from videos.services.removing import work_off_removals
from videos.services.uploads.create import VideoDetails, create_upload
from videos.tasks import look_after_jobs, tidy_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@contextmanager
def older_database() -> Iterator[None]:
    """Changes inside the block are not in the database afterwards, as if a copy from before was
    restored."""
    connection.ensure_connection()
    with closing(sqlite3.connect(":memory:")) as copy:
        connection.connection.backup(copy)
        yield
        connection.ensure_connection()
        copy.backup(connection.connection)
    connections.close_all()


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    moment = timezone.now() + by
    monkeypatch.setattr(timezone, "now", lambda: moment)


def plays(video: Video) -> bool:
    client = Client()
    client.force_login(video.uploaded_by)
    answer = client.get(f"/v/{video.short_id}/stream.mp4")
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    answer.close()
    playlist = client.get(f"/v/{video.short_id}/master.m3u8")
    return playlist.status_code == 200 and body == video.file_path.read_bytes()


def facts_of_originals() -> list[tuple[object, ...]]:
    """Of the renditions in original quality."""
    columns = (
        *("video", "filename", "version", "codecs", "width", "height", "size_bytes", "layout"),
        *("video_range", "has_independent_fragments", "bandwidth"),
    )
    return list(Rendition.objects.filter(name="original").values_list(*columns))


def test_videos_that_were_finished_after_the_copy_are_ready_again(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once such videos were lost, and their files deleted after three minutes."""
    videos = [sent_video(bob, clip) for clip in (clips.h264_mp4(), clips.hevc_mp4(seconds=1))]
    with older_database():
        for _ in videos:
            assert work() == "completed"
        assert enrich() == "completed"
        before = everything_on_disk()
        md5 = {video.pk: stream_md5(video.file_path) for video in Video.objects.all()}
        facts = facts_of_originals()
        assert len(facts) == 1
    assert not [video for video in Video.objects.all() if video.source_file.exists()]
    look_after_jobs()
    for _ in videos:
        assert work() == "completed"
    for video in Video.objects.all():
        assert video.processing_status == ProcessingStatus.COMPLETED
        assert stream_md5(video.file_path) == md5[video.pk]
        assert video.thumbnail_path is not None
        assert video.thumbnail_path.is_file()
        assert bool(video.original_key) != video.was_copied
        assert plays(video)
    assert facts_of_originals() == facts
    assert used(bob) == sum(video.file_size_bytes for video in videos)
    later(monkeypatch, timedelta(minutes=4))
    look_after_jobs()
    tidy_up()
    work_off_removals()
    assert everything_on_disk() == before, "nothing was removed, and nothing is there twice"
    assert Job.objects.filter(kind="ENRICH", state=JobState.WAITING).count() == len(videos)
    assert Video.objects.exclude(storyboard_filename="").count() == 1, "adopted, too"


def test_of_several_attempts_the_whole_one_with_the_tallest_picture_is_taken(bob: User) -> None:
    small = ready_video(bob, clips.h264_mp4(seconds=2, size="160x90")).file_path
    video = sent_video(bob, clips.h264_mp4())
    with older_database():
        assert work() == "completed"
        top = Video.objects.get(pk=video.pk).file_path
    root = top.parent
    names = [root / f"{video.pk.hex}-{version * 12}-source.mp4" for version in "abc"]
    shutil.copyfile(small, names[0])
    names[1].write_bytes(top.read_bytes()[:-2000])
    names[2].write_bytes(b"")
    for path in names:
        os.utime(path)  # all of them are newer
    assert work() == "completed"
    video.refresh_from_db()
    assert video.file_path == top
    assert [one.path for one in Rendition.objects.filter(video=video)] == [top]


def test_original_quality_alone_is_kept_but_makes_no_video(bob: User) -> None:
    video = sent_video(bob, clips.hevc_mp4(seconds=1))
    with older_database():
        assert work() == "completed"
        original = video.renditions.get(name="original").path
        for one in video.renditions.exclude(name="original"):
            one.path.unlink()
    assert work() != "completed"
    look_after_jobs()
    assert not Video.objects.get(pk=video.pk).is_ready
    assert original.is_file()


def test_a_video_that_had_failed_before_the_copy_is_ready_again(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was retried after the copy was made, and the copy is two days old."""
    video = sent_video(bob, clips.h264_mp4())
    with older_database():
        assert work() == "completed"
    Job.objects.update(state=JobState.FAILED, finished_at=timezone.now())
    Video.objects.update(processing_status="FAILED", error_message="We failed.", quota_bytes=0)
    later(monkeypatch, 2 * STRAYS_FOR)
    look_after_jobs()
    tidy_up()
    assert work() == "completed"
    video.refresh_from_db()
    assert video.is_ready
    assert video.quota_bytes == 0
    assert set_aside_files() == []


def test_what_cannot_be_adopted_fails_as_before_and_loses_nothing(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = sent_video(bob, clips.h264_mp4())
    with older_database():
        assert work() == "completed"
        path = Video.objects.get().file_path
    path.write_bytes(path.read_bytes()[:-2000])
    before = everything_on_disk()
    for _ in range(3):
        Job.objects.update(run_after=timezone.now())
        work()
    video.refresh_from_db()
    assert video.error_message == SOURCE_MISSING
    for minutes in (4, 60):
        later(monkeypatch, timedelta(minutes=minutes))
        look_after_jobs()
        tidy_up()
    assert everything_on_disk() == before
    assert Removal.objects.get().reason == "FAILED"


def test_the_folder_of_an_upload_that_an_older_database_does_not_know_is_kept(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with older_database():
        source = sent_video(bob, clips.h264_mp4()).source_file
    assert not Upload.objects.exists()
    later(monkeypatch, UNNAMED_AGE + timedelta(seconds=5))
    look_after_jobs()
    assert everything_on_disk() == []
    assert set_aside_files() == [f"temp/{source.parent.name}"]


def test_an_upload_that_was_finished_after_the_copy_is_set_aside_when_it_expires(
    bob: User,
) -> None:
    upload = create_upload(
        user=bob, size=10, filename="a.mp4", details=VideoDetails(title="A video")
    )
    upload.folder_path.mkdir()
    upload.source_path.write_bytes(b"0123456789")
    live_for(3)
    Upload.objects.update(offset_bytes=4, expires_at=timezone.now() - timedelta(hours=1))
    look_after_jobs()
    assert Upload.objects.get().state == UploadState.ENDED
    assert everything_on_disk() == []
    assert set_aside_files() == [f"temp/{upload.folder_path.name}"]


def test_samples_are_left_alone(bob: User) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.FAILED, is_sample=True)
    made = ready_video(bob, clips.h264_mp4())
    shutil.copyfile(
        made.file_path, made.file_path.with_name(f"{video.pk.hex}-{'a' * 12}-source.mp4")
    )
    tidy_up()
    assert not Job.objects.filter(video=video).exists()
    video.refresh_from_db()
    assert video.is_failed


@pytest.mark.long  # twelve videos by real workers, twice
def test_twelve_of_twelve_are_ready_again_with_real_workers(
    bob: User,
    start_workers: Callable[..., int],  # noqa: F811
) -> None:
    import signal

    from tests.processes import wait_for
    from tests.videos.live import is_running

    clip = clips.h264_mp4(seconds=2)
    videos = [sent_video(bob, clip) for _ in range(12)]
    ready = Video.objects.filter(processing_status="COMPLETED")
    with older_database():
        cluster = start_workers()
        wait_for(lambda: ready.count() == 12, seconds=60, name="all of them")
        os.kill(cluster, signal.SIGTERM)
        wait_for(lambda: not is_running(cluster), seconds=10, name="its end")
    assert ready.count() == 0
    start_workers()
    wait_for(lambda: ready.count() == 12, seconds=60, name="all of them again")
    assert all(plays(video) for video in ready)
    assert len(videos) == 12
