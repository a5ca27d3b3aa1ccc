"""The rendition in original quality: when it is published, and what happens meanwhile."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import m3u8
import pytest
from django.db import connection, connections
from django.test import Client

from clipset.workers.stopping import announce_stop, forget_stop
from siteconfig.backup.running import TEMP_EXCLUDES
from siteconfig.models import Config
from siteconfig.roots import VIDEOS, root_path
from tests import clips
from tests.builders import make_user
from tests.processes import wait_for
from tests.videos.stored_videos import (
    enrich,
    everything_on_disk,
    ready_video,
    sent_video,
    set_aside_files,
    stream_md5,
    work,
)
from tests.videos.test_processing import own_ffmpeg
from videos.models import Job, JobKind, JobState, ProcessingStatus, Rendition, Video
from videos.selectors.playback import is_watchable
from videos.services.details import delete_video
from videos.services.files import OURS, files_named_after, set_strays_aside, sweep_temp
from videos.services.processing.attempt import (
    cancel_processing,
    process_next_job,
    retry_enrichment,
    retry_processing,
)
from videos.services.processing.work_folders import original_folder, work_folder
from videos.services.removing import work_off_removals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


def short_hevc() -> Path:
    return clips.hevc_mp4(seconds=1, size="160x90")


def publish() -> str:
    """The attempt of the quick cluster."""
    return process_next_job((JobKind.PUBLISH,))


def encode() -> str:
    return process_next_job((JobKind.ENCODE,))


def original_of(video: Video) -> Rendition:
    return Rendition.objects.get(video=video, name="original")


def has_original(video: Video) -> bool:
    return Rendition.objects.filter(video=video, name="original").exists()


def listed(video: Video) -> list[str]:
    """The names of the variants that the master playlist offers."""
    client = Client()
    client.force_login(video.uploaded_by)
    answer = client.get(f"/v/{video.short_id}/master.m3u8")
    if answer.status_code == 404:
        return []
    return [one.uri.partition(".")[0] for one in m3u8.loads(answer.content.decode()).playlists]


def leftovers() -> list[str]:
    """Work folders that are left."""
    return [path for path in everything_on_disk() if path.startswith(("temp/job", "temp/orig"))]


# -- what comes out -------------------------------------------------------------------------------


def test_it_can_be_watched_before_the_encode_begins(bob: User) -> None:
    clip = short_hevc()
    video = sent_video(bob, clip)
    assert publish() == "to be encoded"
    video.refresh_from_db()
    job = Job.objects.get()
    assert (job.kind, job.state) == (JobKind.ENCODE, JobState.WAITING)
    assert video.processing_status == ProcessingStatus.PROCESSING
    original = original_of(video)
    assert original.is_complete
    assert original.codecs.startswith("hvc1.")
    assert stream_md5(original.path) == stream_md5(clip)
    assert is_watchable(video)
    assert listed(video) == ["original"]
    assert leftovers() == []

    assert encode() == "completed"
    video.refresh_from_db()
    assert listed(video)[1:] == ["original"]
    assert original_of(video).pk == original.pk
    assert video.filename != original.filename
    assert (video.height, video.was_copied) == (90, False)
    assert video.stored_bytes == sum(one.path.stat().st_size for one in video.renditions.all())
    assert set_aside_files() == []


def test_the_facts_are_those_of_the_file(bob: User) -> None:
    video = ready_video(bob, clips.phone_hevc_mov())
    original = original_of(video)
    assert (original.width, original.height) == (180, 320)
    assert original.video_range == "HLG"
    assert original.codecs.startswith("hvc1.2.")
    top = video.renditions.get(filename=video.filename)
    assert (top.video_range, top.supplemental_codecs) == ("SDR", "")


@pytest.mark.long  # plans, which test_original.py covers
def test_copies_are_original_quality_already(bob: User) -> None:
    video = ready_video(bob, clips.h264_mp4())
    assert enrich() == "completed"
    assert not has_original(video)


def test_it_can_be_switched_off(bob: User) -> None:
    Config.objects.update(offer_original_quality=False)
    video = ready_video(bob, short_hevc())
    assert enrich() == "completed"
    assert not has_original(video)


@pytest.mark.long  # plans, which test_original.py covers
def test_what_does_not_fit_is_only_encoded(bob: User) -> None:
    video = ready_video(bob, clips.with_codec("avi", "mpeg4"))
    assert not video.was_copied
    assert not has_original(video)
    assert leftovers() == []


# -- failures -------------------------------------------------------------------------------------


def with_remux(settings: Settings, folder: Path, script: str) -> None:
    """Runs a shell script first wherever FFmpeg makes the original quality."""
    real = shutil.which("ffmpeg")
    body = f'case "$*" in *original.mp4*) {script};; esac\nexec {real} "$@"'
    settings.FFMPEG_PATH = own_ffmpeg(folder, ffmpeg=body)


def test_a_failure_of_it_fails_nothing_else(bob: User, settings: Settings, tmp_path: Path) -> None:
    with_remux(settings, tmp_path / "own", "echo no >&2; exit 1")
    video = ready_video(bob, short_hevc())
    assert video.is_ready
    assert not has_original(video)
    assert (Job.objects.get(kind=JobKind.ENCODE).failures, leftovers()) == (0, [])


def test_enrichment_makes_up_for_it(bob: User, settings: Settings, tmp_path: Path) -> None:
    real = settings.FFMPEG_PATH
    with_remux(settings, tmp_path / "own", "exit 1")
    video = ready_video(bob, short_hevc())
    settings.FFMPEG_PATH = real
    assert enrich() == "completed"
    original = original_of(video)
    assert stream_md5(original.path) == stream_md5(video.original_file)
    video.refresh_from_db()
    assert video.stored_bytes == sum(one.size_bytes for one in video.renditions.all())
    retry_enrichment(video=video)
    assert enrich() == "completed"
    assert original_of(video).pk == original.pk


@pytest.mark.long  # a failure of the first attempt
def test_enrichment_does_not_fail_with_it(bob: User, settings: Settings, tmp_path: Path) -> None:
    with_remux(settings, tmp_path / "own", "exit 1")
    video = ready_video(bob, short_hevc())
    assert enrich() == "completed"
    assert not has_original(video)


@pytest.mark.long  # enrichment with it
def test_without_the_kept_upload_it_cannot_be_made_again(bob: User) -> None:
    Config.objects.update(keep_originals=False)
    video = ready_video(bob, short_hevc())
    original_of(video).delete()
    assert enrich() == "completed"
    assert not has_original(video)


def test_a_retry_replaces_it(bob: User) -> None:
    video = sent_video(bob, short_hevc())
    assert publish() == "to be encoded"
    before = original_of(video)
    cancel_processing(video=video)
    video.refresh_from_db()
    assert video.is_failed
    assert not is_watchable(video)
    assert before.path.is_file()
    retry_processing(video=video)
    assert work() == "completed"
    after = original_of(video)
    assert after.filename != before.filename
    work_off_removals()
    assert after.path.is_file()
    assert not before.path.exists()


@pytest.mark.long  # a retry that encodes
def test_a_retry_that_copies_has_none(bob: User) -> None:
    Config.objects.update(max_short_side=720)
    video = sent_video(bob, clips.h264_mp4(seconds=1, size="1920x1080", fps="6"))
    assert publish() == "to be encoded"
    before = original_of(video)
    cancel_processing(video=video)
    Config.objects.update(max_short_side=1080)
    video.refresh_from_db()
    retry_processing(video=video)
    assert work() == "completed"
    video.refresh_from_db()
    assert video.was_copied
    assert not has_original(video)
    work_off_removals()
    assert not before.path.exists()


# -- races ----------------------------------------------------------------------------------------


@contextmanager
def while_it_is_made(
    settings: Settings, folder: Path, action: Callable[[], object]
) -> Iterator[list[object]]:
    """While FFmpeg makes the original quality, it waits until another thread has done something.
    Gives what that returned."""
    folder.mkdir()
    begun, go = folder / "begun", folder / "go"
    wait = f"touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done"
    with_remux(settings, folder / "own", wait)
    done: list[object] = []

    def act() -> None:
        try:
            wait_for(begun.exists)
            done.append(action())
        finally:
            go.touch()
            connections.close_all()

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield done
    finally:
        go.touch()
        thread.join()


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.both_databases
@pytest.mark.usefixtures("without_bubblewrap")
def test_an_encode_that_is_faster_counts_it_afterwards(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    video = sent_video(bob, short_hevc())
    with while_it_is_made(settings, tmp_path / "race", encode) as done:
        assert publish() == "to be encoded"
    assert done == ["completed"]
    video.refresh_from_db()
    assert video.is_ready
    assert not video.source_key
    original = original_of(video)
    assert original.path.is_file()
    assert video.stored_bytes == sum(one.size_bytes for one in video.renditions.all())
    assert listed(video)[1:] == ["original"]
    assert leftovers() == []
    assert set_aside_files() == []


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.both_databases
@pytest.mark.usefixtures("without_bubblewrap")
def test_nothing_is_left_of_it_when_the_video_is_deleted(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    video = sent_video(bob, short_hevc())
    with while_it_is_made(settings, tmp_path / "race", lambda: delete_video(video=video)):
        assert publish() == "to be encoded"
    work_off_removals()
    assert everything_on_disk() == []
    assert not Rendition.objects.exists()


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.both_databases
@pytest.mark.usefixtures("without_bubblewrap")
def test_a_stopped_video_does_not_get_it(bob: User, settings: Settings, tmp_path: Path) -> None:
    video = sent_video(bob, short_hevc())
    with while_it_is_made(settings, tmp_path / "race", lambda: cancel_processing(video=video)):
        assert publish() == "to be encoded"
    video.refresh_from_db()
    assert video.is_failed
    assert not has_original(video)
    assert [path for path in everything_on_disk() if not path.startswith("temp/upload-")] == []


@pytest.mark.long  # a stopped job, and a retry
@pytest.mark.usefixtures("without_bubblewrap")
def test_that_of_a_stopped_job_does_not_replace_that_of_the_next(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    video = sent_video(bob, short_hevc())
    real = settings.FFMPEG_PATH

    def stop_and_retry() -> str:
        settings.FFMPEG_PATH = real
        cancel_processing(video=video)
        video.refresh_from_db()
        retry_processing(video=video)
        return publish()

    with while_it_is_made(settings, tmp_path / "race", stop_and_retry) as done:
        assert publish() == "to be encoded"
    assert done == ["to be encoded"]
    newest = original_of(video)
    assert newest.path.is_file()
    files = [path for path in everything_on_disk() if path.endswith("-original.mp4")]
    assert files == [f"videos/{newest.filename}"]


@pytest.mark.long  # a video that is stopped meanwhile
@pytest.mark.usefixtures("without_bubblewrap")
def test_a_stop_of_the_workers_ends_it(bob: User, settings: Settings, tmp_path: Path) -> None:
    video = sent_video(bob, short_hevc())
    try:
        with while_it_is_made(settings, tmp_path / "race", announce_stop):
            assert publish() == "to be encoded"
    finally:
        forget_stop()
    assert not has_original(video)
    assert leftovers() == []
    assert work() == "completed"
    assert enrich() == "completed"
    assert has_original(video)


@pytest.mark.both_databases
def test_a_file_that_no_row_names_yet_may_be_set_aside(bob: User) -> None:
    """Whoever lists the files of the video just then sees a stray; the row then names nothing."""
    video = sent_video(bob, short_hevc())
    moved: list[int] = []
    folder = root_path(VIDEOS)

    def move(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if not moved and any(folder.glob("*-original.mp4")):
            moved.append(0)  # not for the queries of the next line
            moved[0] = set_strays_aside(video.pk, files_named_after(video.pk))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(move):
        assert publish() == "to be encoded"
    assert moved == [1]
    assert not has_original(video)
    assert [path for path in set_aside_files() if path.endswith("-original.mp4")]
    assert work() == "completed"
    assert enrich() == "completed"
    assert original_of(video).path.is_file()


def test_what_a_row_names_is_not_set_aside(bob: User) -> None:
    video = sent_video(bob, short_hevc())
    files = [*files_named_after(video.pk)]
    assert publish() == "to be encoded"
    files += files_named_after(video.pk)
    assert len(files) == 1
    assert set_strays_aside(video.pk, files) == 0


def test_work_in_progress_is_not_backed_up() -> None:
    job = Job(pk=7, lease_owner="0a1b2c3d4e5f" * 2)
    names = [original_folder(job).name, work_folder(job).parent.name, "picture-x", "samples-x"]
    assert all(OURS.fullmatch(name) for name in names)
    assert all(any(fnmatch(name, one) for one in TEMP_EXCLUDES) for name in names), names


def test_what_a_kill_leaves_is_swept(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from videos.services import files

    folder = sent_video(bob, short_hevc()).source_file.parent.parent / "original-1-0a1b2c3d4e5f"
    folder.mkdir()
    (folder / "original.mp4").write_bytes(b"half")
    sweep_temp()
    assert folder.exists()
    monkeypatch.setattr(files, "MIN_AGE", timedelta(seconds=-1))
    sweep_temp()
    assert not folder.exists()
