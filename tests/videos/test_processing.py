"""One attempt at a video, with real FFmpeg: its results, and the state after failures."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ

from clipset.workers.stopping import announce_stop, forget_stop
from siteconfig.models import Config, StorageRoot
from siteconfig.roots import root_path, write_marker
from tests import clips
from tests.builders import make_moderator, make_user
from tests.examples import one_in
from tests.folders import entries, keep_new_videos_in, make_root
from tests.parts import without
from tests.processes import wait_for
from tests.videos.live import descendants, program
from tests.videos.stored_videos import (
    everything_on_disk,
    files_below,
    ready_video,
    run_queue,
    sent_video,
    set_aside_files,
    set_limits,
    stream_md5,
    told_by_ffprobe,
    used,
    work,
)
from tests.videos.transcode import odd_pictures
from videos.models import Job, JobState, ProcessingStatus, Removal, Video
from videos.services.files import files_named_after
from videos.services.processing import jobs
from videos.services.processing.attempt import SOURCE_MISSING, retry_processing
from videos.services.processing.claim import claim_next_job
from videos.services.processing.work_folders import file_stem, work_folder
from videos.services.stored_files import StoredFile
from videos.services.thumbnails import enqueue_lost_thumbnails
from videos.tasks import run_next_encode, run_next_job
from videos.transcode import commands
from videos.transcode.thumbnail import make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def due_again() -> None:
    Job.objects.filter(state=JobState.WAITING).update(run_after=timezone.now())


def running_ffmpegs() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if program(pid) in {"ffmpeg", "ffprobe"}]


def encodes(pid: int) -> bool:
    try:
        return b"libx264" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def own_ffmpeg(folder: Path, **scripts: str) -> str:
    """A folder with ffmpeg and ffprobe: the real ones, or shell scripts in their place."""
    folder.mkdir(exist_ok=True)
    for name in ("ffmpeg", "ffprobe"):
        path = folder / name
        path.unlink(missing_ok=True)
        if name in scripts:
            path.write_text(f"#!/bin/sh\n{scripts[name]}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        else:
            real = shutil.which(name)
            assert real is not None
            path.symlink_to(real)
    return str(folder / "ffmpeg")


def noting_ffmpeg(folder: Path, log: Path, words: str = "$*") -> str:
    """The real FFmpeg, which adds a line to the log. The trial of a sound may not write a byte."""
    note = f'case "$*" in *"-f null -") ;; *) echo "{words}" >> {log} ;; esac'
    return own_ffmpeg(folder, ffmpeg=f'{note}\nexec {shutil.which("ffmpeg")} "$@"')


def real_time_ffmpeg(folder: Path) -> str:
    """The real FFmpeg, reading its input at playback speed, so that an encode takes time. The
    original quality, which would take as long, is left out."""
    Config.objects.update(offer_original_quality=False)
    return own_ffmpeg(folder, ffmpeg=f'exec {shutil.which("ffmpeg")} -re "$@"')


# -- what comes out -------------------------------------------------------------------------------


def test_an_h264_video_is_published_bit_for_bit_within_seconds(bob: User) -> None:
    clip = clips.h264_mp4(seconds=3)
    before = time.monotonic()
    video = ready_video(bob, clip)
    took = time.monotonic() - before
    assert took < 5
    assert video.processing_status == ProcessingStatus.COMPLETED
    assert video.was_copied
    assert stream_md5(video.file_path) == stream_md5(clip)
    assert (video.width, video.height) == (320, 180)
    assert video.duration_seconds == pytest.approx(3, abs=0.1)
    assert video.stored_bytes == video.file_path.stat().st_size
    assert video.error_message is None
    assert used(bob) == clip.stat().st_size
    nothing_but_the_video_and_its_picture_is_left(video)


def nothing_but_the_video_and_its_picture_is_left(video: Video) -> None:
    assert everything_on_disk() == [
        f"thumbnails/{video.thumbnail_filename}",
        f"videos/{video.filename}",
    ]
    assert entries(video_temp()) == []
    assert (video.source_key, video.original_key) == ("", "")


def test_a_phones_video_becomes_upright_h264_without_its_place(bob: User) -> None:
    """10-bit HEVC, rotated, HDR, with metadata about place and device."""
    clip = clips.phone_hevc_mov()
    assert clips.LOCATION in str(told_by_ffprobe(clip))
    video = ready_video(bob, clip, title="Phone")
    told = told_by_ffprobe(video.file_path)
    picture = next(it for it in told["streams"] if it["codec_type"] == "video")
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert (picture["width"], picture["height"]) == (180, 320)
    assert "side_data_list" not in picture, "it is turned already"
    assert picture["color_transfer"] == "bt709"
    assert (video.width, video.height) == (180, 320)
    assert not video.was_copied
    assert {it["codec_type"] for it in told["streams"]} == {"video", "audio"}
    for secret in (clips.LOCATION, "48.8577", "iPhone", "Apple"):
        assert secret not in str(told)
        assert secret.encode() not in video.file_path.read_bytes()
    the_original_is_kept_as_it_was_sent(video, clip)
    the_thumbnail_is_a_picture_of_the_videos_shape(video)


def the_original_is_kept_as_it_was_sent(video: Video, clip: Path) -> None:
    assert video.original_file.read_bytes() == clip.read_bytes()
    assert video.source_key == ""
    assert everything_on_disk() == [
        f"originals/{video.original_file.name}",
        f"thumbnails/{video.thumbnail_filename}",
        *sorted(f"videos/{one.filename}" for one in video.renditions.all()),
    ]


def the_thumbnail_is_a_picture_of_the_videos_shape(video: Video) -> None:
    from PIL import Image

    assert video.thumbnail_path is not None
    with Image.open(video.thumbnail_path) as picture:
        assert picture.format == "JPEG"
        assert picture.width < picture.height


@pytest.mark.parametrize(
    ("of_the_same_size", "width"), [(True, 96), (False, 128)], ids=["known", "another file"]
)
def test_what_was_probed_before_the_encode_is_not_probed_again(
    bob: User, of_the_same_size: bool, width: int
) -> None:
    video = sent_video(bob, clips.hevc_mp4(seconds=0.2, size="128x72"))
    assert run_next_job() == "to be encoded"
    job = Job.objects.get()
    known = json.loads(job.media_info)
    assert known["video"]["width"] == 128
    known["video"]["width"] = 96  # only the stored facts say so
    known["size_bytes"] += 0 if of_the_same_size else 1
    Job.objects.update(media_info=json.dumps(known))
    assert run_next_encode() == "completed"
    video.refresh_from_db()
    assert video.width == width
    job.refresh_from_db()
    assert job.media_info == ""


@pytest.mark.usefixtures("without_bubblewrap")
def test_a_copy_that_players_could_not_play_is_encoded_after_all(
    bob: User, tmp_path: Path, settings: Settings
) -> None:
    clip, log = odd_pictures.open_gop(), tmp_path / "log"
    settings.FFMPEG_PATH = noting_ffmpeg(tmp_path, log)
    video = ready_video(bob, clip)
    assert not video.was_copied
    assert log.read_text().count("-c:v copy") == 1, "the other cluster knows that already"
    assert video.original_file.read_bytes() == clip.read_bytes()
    assert not Job.objects.filter(failures__gt=0).exists()
    assert len(everything_on_disk()) == 3  # the copy is gone


def test_a_video_without_sound_is_ready_before_its_thumbnail(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, object]] = []

    def looking(path: Path, *args: Any, **options: Any) -> bool:
        video = Video.objects.get()
        seen.append((video.processing_status, video.thumbnail_filename))
        assert path == video.file_path
        return make_thumbnail(path, *args, **options)

    monkeypatch.setattr("videos.services.thumbnails.make_thumbnail", looking)
    video = ready_video(bob, clips.h264_mp4(layout=None))
    assert seen == [(ProcessingStatus.COMPLETED, None)]
    assert (video.thumbnail_wanted_at, video.awaits_first_thumbnail) == (None, False)
    assert [it["codec_type"] for it in told_by_ffprobe(video.file_path)["streams"]] == ["video"]


@pytest.mark.usefixtures("without_bubblewrap")
def test_encodes_do_not_delay_what_takes_seconds(
    bob: User, tmp_path: Path, settings: Settings
) -> None:
    log = tmp_path / "log"
    settings.FFMPEG_PATH = noting_ffmpeg(tmp_path, log, "$(nice) $*")
    ready_video(bob, clips.h264_mp4())
    without_extension = tmp_path / "video"
    shutil.copyfile(clips.hevc_mp4(seconds=0.5), without_extension)
    video = ready_video(bob, without_extension)
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()]
    copies = {int(nice) for nice, words in lines if "-c:v copy" in words}
    others = {int(nice) for nice, words in lines if "-c:v copy" not in words}
    assert len(copies) == len(others) == 1
    assert max(copies) < min(others), "encodes and thumbnails come after"
    its_original_got_an_extension(video, without_extension)


def its_original_got_an_extension(video: Video, clip: Path) -> None:
    assert video.original_file.suffix == ".mp4"
    assert video.original_file.read_bytes() == clip.read_bytes()


def test_a_worker_that_is_killed_before_the_thumbnail_leaves_it_to_the_sweep(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kill(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> bool:
        raise Kill

    monkeypatch.setattr("videos.services.thumbnails.make_thumbnail", killed)
    stored = sent_video(bob, clips.h264_mp4())
    with pytest.raises(Kill):
        run_next_job()
    monkeypatch.undo()
    video = Video.objects.get(pk=stored.pk)
    assert video.is_ready
    assert (video.thumbnail_filename, video.awaits_first_thumbnail) == (None, True)
    assert video.chosen_frame_at is None, "nobody chose it"
    OrmQ.objects.all().delete()
    assert enqueue_lost_thumbnails() == 1
    assert "videos.tasks.make_chosen_thumbnail" in run_queue()
    video.refresh_from_db()
    assert video.thumbnail_path is not None
    assert video.thumbnail_path.is_file()
    assert not video.awaits_first_thumbnail


def test_a_thumbnail_that_cannot_be_made_leaves_the_video_as_it_is(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full is tried again; a video without frames is not."""
    for error, is_wanted in ((OSError(errno.ENOSPC, "full"), True), (ValueError("no"), False)):

        def fails(*_: Any, reason: Exception = error, **__: Any) -> bool:
            raise reason

        monkeypatch.setattr("videos.services.thumbnails.make_thumbnail", fails)
        video = ready_video(bob, clips.h264_mp4())
        monkeypatch.undo()
        assert video.thumbnail_filename is None
        assert video.awaits_first_thumbnail == is_wanted
        assert Job.objects.filter(video=video, state=JobState.WAITING, kind="ENRICH").exists()


def test_progress_is_told_while_a_video_is_encoded(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.FFMPEG_PATH = real_time_ffmpeg(tmp_path / "slow")
    sent_video(bob, clips.hevc_mp4(seconds=5))
    seen: list[int] = []
    job = Job.objects.get()

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if sql.startswith("UPDATE") and "progress" in sql and '"jobs"' in sql:
            seen.append(Job.objects.values_list("progress", flat=True).get(pk=job.pk) or 0)
        return answer

    with connection.execute_wrapper(look):
        assert work() == "completed"
    moving = [percent for percent in seen if 0 < percent < 99]
    assert moving, f"no progress between start and end: {seen}"
    assert moving == sorted(moving)


# -- refused --------------------------------------------------------------------------------------


# What each kind is refused with, test_probe, test_refusals and test_pipeline show in each run.
@pytest.mark.parametrize(
    "kind",
    one_in(
        3,
        [
            *("text", "html", "m3u8", "truncated", "truncated hevc", "music", "encrypted", "raw"),
            "noise",
        ],
    ),
)
def test_what_is_no_whole_video_fails_with_a_sentence_and_leaves_nothing(
    bob: User, kind: str
) -> None:
    builders: dict[str, Callable[[], Path]] = {
        "text": lambda: clips.text_as_mp4("text"),
        "html": lambda: clips.text_as_mp4("html"),
        "m3u8": lambda: clips.text_as_mp4("m3u8"),
        "truncated": lambda: clips.truncated(clips.h264_mp4(faststart=True)),
        "truncated hevc": lambda: clips.truncated(clips.hevc_mp4()),
        "music": clips.audio_only,
        "encrypted": odd_pictures.encrypted,
        "raw": lambda: odd_pictures.with_tag(odd_pictures.h264(), b"avc1", b"apv1"),
        "noise": odd_pictures.scrambled,
    }
    clip = builders[kind]()
    video = sent_video(bob, clip)
    assert used(bob) == clip.stat().st_size
    assert work() == "refused"
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.FAILED
    assert video.error_message
    assert video.error_message.rstrip().endswith(".")
    assert "/" not in video.error_message, "no path of the server"
    assert not video.may_be_retried_by(bob)
    assert video.may_be_retried_by(make_moderator())
    assert used(bob) == 0
    assert video.quota_bytes == 0
    assert everything_on_disk() == [str(video.source_file.relative_to(video_temp().parent))]
    kept = Removal.objects.get().due_at - timezone.now()
    assert timedelta(days=13, hours=23) < kept <= timedelta(days=14)
    assert Job.objects.get().state == JobState.FAILED
    assert work() == "nothing to do"
    assert used(bob) == 0


def video_temp() -> Path:
    from django.conf import settings

    return Path(settings.TEMP_STORAGE_PATH)


def test_a_source_that_is_not_to_be_found_is_no_fault_of_the_members(bob: User) -> None:
    """The disk may be unmounted for a while: the video must be retriable when it is back."""
    video = sent_video(bob, clips.h264_mp4())
    away = video.source_file.parent
    away.rename(away.with_name("unmounted"))
    for outcome in ("to be tried again", "to be tried again", "given up"):
        due_again()
        assert work() == outcome
    video.refresh_from_db()
    assert (video.error_message, used(bob)) == (SOURCE_MISSING, 0)
    with pytest.raises(ValidationError, match="is missing from the server's disk"):
        retry_processing(video=video)
    away.with_name("unmounted").rename(away)
    retry_processing(video=video)
    assert work() == "completed"


def test_a_worker_that_lost_its_lease_while_publishing_touches_nothing_of_the_next_one(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first worker stalls before it lists strays; the second publishes; then the first
    continues."""
    sent_video(bob, clips.h264_mp4())
    real = files_named_after
    stalled: list[StoredFile] = []

    def stall_once(video_id: UUID) -> list[StoredFile]:
        if not stalled:
            stalled.append(StoredFile("", ""))
            Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
            assert jobs.requeue_lost_jobs() == 1
            assert work() == "completed"
            stalled.extend(real(video_id))
        return real(video_id)

    monkeypatch.setattr("videos.services.processing.publish.files_named_after", stall_once)
    assert work() == "lease lost"
    video = Video.objects.get()
    assert StoredFile(video.storage_root, video.filename) in stalled
    assert everything_on_disk() == [
        f"thumbnails/{video.thumbnail_filename}",
        f"videos/{video.filename}",
    ]


def test_what_killed_attempts_left_where_videos_lie_is_set_aside_by_the_one_that_ends_well(
    bob: User,
) -> None:
    video = sent_video(bob, clips.h264_mp4())
    root = video_temp().parent
    strays = [f"videos/{video.pk.hex}-0.mp4", f"thumbnails/.{video.pk.hex}-0.jpg.7.part"]
    for stray in [*strays, "videos/another.mp4"]:
        (root / stray).write_bytes(b"x")
    assert work() == "completed"
    video.refresh_from_db()
    assert everything_on_disk() == sorted(
        [
            f"thumbnails/{video.thumbnail_filename}",
            f"videos/{video.filename}",
            "videos/another.mp4",
        ]
    )
    assert set_aside_files() == sorted(strays)


def test_a_stop_of_the_workers_gives_the_video_back_and_counts_nothing(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.FFMPEG_PATH = real_time_ffmpeg(tmp_path / "slow")
    sent_video(bob, clips.hevc_mp4(seconds=20, size="160x90"))
    stopped_at: list[float] = []

    def stop_the_encode() -> None:
        wait_for(lambda: any(map(encodes, running_ffmpegs())), name="the encode")
        stopped_at.append(time.monotonic())
        announce_stop()

    stopper = threading.Thread(target=stop_the_encode)
    stopper.start()
    try:
        assert work() == "given back"
        assert time.monotonic() - stopped_at[0] < 8
        assert work() == "stopping"
    finally:
        stopper.join()
        forget_stop()
    job = Job.objects.get()
    assert (job.state, job.losses, job.failures) == (JobState.WAITING, 0, 0)
    assert running_ffmpegs() == []
    assert everything_on_disk() == [
        f"temp/{job.video.source_file.parent.name}/{job.video.source_file.name}"
    ]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_ends_no_encode(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.FFMPEG_PATH = real_time_ffmpeg(tmp_path / "slow")
    sent_video(bob, clips.hevc_mp4(seconds=5))
    failed: list[str] = []

    def fail_twice(execute: Any, sql: str, *rest: Any) -> Any:
        renewal = sql.startswith("UPDATE") and "furthest" in sql
        if renewal and len(failed) < 2:
            failed.append(sql)
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_twice):
        assert work() == "completed"
    assert len(failed) == 2


# -- our fault ------------------------------------------------------------------------------------

BROKEN = {
    "exits with 1": {"ffmpeg": "echo it is broken >&2; exit 1"},
    "writes nothing": {"ffmpeg": "exit 0"},
    "is ended by a limit": {"ffmpeg": "kill -XCPU $$"},
}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "how",
    [
        "is missing",
        pytest.param("exits with 1", marks=pytest.mark.long),  # three times in the retries below
        pytest.param("writes nothing", marks=pytest.mark.long_on_postgresql),
        pytest.param("is ended by a limit", marks=pytest.mark.long_on_postgresql),
    ],
)
def test_a_failure_on_our_side_is_tried_three_times_and_keeps_the_source(
    bob: User, settings: Settings, tmp_path: Path, how: str
) -> None:
    clip = clips.h264_mp4()
    video = sent_video(bob, clip)
    settings.FFMPEG_PATH = (
        str(tmp_path / "nowhere" / "ffmpeg")
        if how == "is missing"
        else own_ffmpeg(tmp_path / "bin", **BROKEN[how])
    )
    for _ in range(2):
        assert work() == "to be tried again"
        video.refresh_from_db()
        assert video.processing_status == ProcessingStatus.PROCESSING
        assert used(bob) == clip.stat().st_size
        due_again()
    assert work() == "given up"
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.FAILED
    assert video.error_message
    assert str(tmp_path) not in video.error_message
    assert video.can_be_retried
    assert video.source_file.read_bytes() == clip.read_bytes()
    assert used(bob) == 0
    assert len(everything_on_disk()) == 1, "the source and nothing else"
    assert work() == "nothing to do"

    settings.FFMPEG_PATH = "ffmpeg"
    retry_processing(video=video)
    again = Video.objects.get()
    assert (again.processing_status, again.error_message) == (ProcessingStatus.PENDING, None)
    assert used(bob) == clip.stat().st_size
    assert work() == "completed"
    assert used(bob) == clip.stat().st_size
    assert Video.objects.get().source_key == ""
    assert len(everything_on_disk()) == 2


def test_a_result_with_other_times_fails_at_once_and_keeps_the_source(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = (*clips.tone(3), "-c:a", "aac")
    clip = clips.make("mp4", *clips.picture(1, "160x90"), *sound[:4], *clips.x264(), *sound[4:])
    video = sent_video(bob, clip)
    # As if this FFmpeg could not show the last frame longer.
    monkeypatch.setattr(commands, "standing_frames", lambda *_: {})
    monkeypatch.setattr(commands, "with_last_frame", lambda picture, *_: picture)
    assert work() == "given up"
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.FAILED
    assert "Export it again" in (video.error_message or "")
    assert video.can_be_retried
    assert not video.is_refused
    assert len(everything_on_disk()) == 1, "the source and nothing else"

    monkeypatch.undo()
    retry_processing(video=video)
    assert work() == "completed"
    video.refresh_from_db()
    assert video.was_copied
    assert video.duration_seconds == pytest.approx(3, abs=0.05)


@pytest.mark.usefixtures("without_bubblewrap")
def test_an_ffmpeg_that_hangs_is_ended_and_gone(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.FFMPEG_PATH = own_ffmpeg(tmp_path / "bin", ffmpeg="sleep 600 & sleep 600")
    settings.VIDEO_PROCESSING_TIMEOUT = 1
    # The limit grows with the length: 40 times 0.05 s. A sound would be tried for 20 s.
    sent_video(bob, clips.h264_mp4(seconds=0.05, layout=None))
    before = time.monotonic()
    assert work() == "to be tried again"
    assert time.monotonic() - before < 10
    assert [pid for pid in descendants(os.getpid()) if program(pid) == "sleep"] == []


def test_an_ffmpeg_that_somebody_killed_is_a_lost_attempt(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.FFMPEG_PATH = own_ffmpeg(tmp_path / "bin", ffmpeg="kill -KILL $$")
    video = sent_video(bob, clips.h264_mp4())
    assert work() == "lost"
    job = Job.objects.get()
    assert (job.state, job.losses, job.failures) == (JobState.WAITING, 1, 0)
    settings.FFMPEG_PATH = "ffmpeg"
    due_again()
    assert work() == "completed"
    video.refresh_from_db()
    assert video.is_ready


@pytest.mark.both_databases
def test_a_retry_needs_room_in_the_quota(bob: User, settings: Settings, tmp_path: Path) -> None:
    clip = clips.h264_mp4()
    video = sent_video(bob, clip)
    settings.FFMPEG_PATH = own_ffmpeg(tmp_path / "bin", ffmpeg="exit 1")
    for _ in range(3):
        due_again()
        work()
    set_limits(week=clip.stat().st_size - 1)
    video.refresh_from_db()
    with pytest.raises(ValidationError, match="weekly quota has no room"):
        retry_processing(video=video)
    video.refresh_from_db()
    assert video.is_failed
    assert used(bob) == 0
    assert not Job.objects.exclude(state=JobState.FAILED).exists()


@pytest.mark.both_databases
def test_a_second_retry_is_refused_and_charges_nothing(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    clip = clips.h264_mp4()
    video = sent_video(bob, clip)
    settings.FFMPEG_PATH = own_ffmpeg(tmp_path / "bin", ffmpeg="exit 1")
    for _ in range(3):
        due_again()
        work()
    video.refresh_from_db()
    retry_processing(video=video)
    with pytest.raises(ValidationError):
        retry_processing(video=video)
    assert used(bob) == clip.stat().st_size


def test_a_probe_that_cannot_start_does_not_cost_the_source(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    """As in the middle of an upgrade of FFmpeg's libraries. The source may be the only copy."""
    video = sent_video(bob, clips.h264_mp4())
    settings.FFMPEG_PATH = own_ffmpeg(
        tmp_path / "bin",
        ffprobe="echo 'ffprobe: error while loading shared libraries: libx.so.1' >&2; exit 127",
    )
    assert work() == "to be tried again"
    assert video.source_file.exists()


# -- the disk -------------------------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        without(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_when_it_comes_to_publishing_makes_the_job_wait(
    bob: User, tiny_disk: Path, settings: Settings
) -> None:
    clip = clips.h264_mp4(seconds=2, size="640x360")
    assert clip.stat().st_size > 256 * 1024
    video = sent_video(bob, clip)
    keep_new_videos_in(tiny_disk)
    settings.MIN_FREE_DISK_BYTES = -(10**9)  # so that the check before the work passes
    for _ in range(4):
        assert work() == "waits for room"
        assert Job.objects.get().waits_for_room
        due_again()
    video.refresh_from_db()
    assert not video.is_failed
    assert files_below(tiny_disk) == []
    assert everything_on_disk() == [f"temp/{video.source_file.parent.name}/source.mp4"]
    assert used(bob) == video.file_size_bytes

    keep_new_videos_in(root_path("videos"), "videos")
    assert work() == "completed"
    assert not Job.objects.filter(waits_for_room=True).exists()
    assert len(everything_on_disk()) == 2


def test_a_disk_that_is_full_while_ffmpeg_writes_makes_the_job_wait(
    bob: User, tiny_disk: Path, settings: Settings
) -> None:
    clip = clips.h264_mp4(seconds=2, size="640x360")
    video = sent_video(bob, clip)
    StorageRoot.objects.filter(name="temp").update(path=str(tiny_disk))
    Video.objects.update(source_root=make_root("temp-2", video_temp(), kind="temp"))
    settings.TEMP_STORAGE_PATH = tiny_disk
    write_marker("temp")
    settings.MIN_FREE_DISK_BYTES = -(10**9)  # so that the check before the work passes
    for _ in range(4):
        assert work() == "waits for room"
        due_again()
    video.refresh_from_db()
    assert not video.is_failed
    assert video.source_file.is_file()
    assert entries(tiny_disk) == []


def test_a_disk_that_fills_up_during_an_upload_is_507_and_leaves_nothing(
    bob: User, tiny_disk: Path, settings: Settings
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    from tests.videos.stored_videos import assert_nothing_is_left

    settings.TEMP_STORAGE_PATH = tiny_disk
    write_marker("temp")
    settings.MIN_FREE_DISK_BYTES = -(10**9)  # so that the check before the work passes
    client = Client()
    client.force_login(bob)
    video_file = SimpleUploadedFile("big.mp4", bytes(3 * 1024**2), "video/mp4")
    answer = client.post("/upload/", {"title": "Kept", "file": video_file})
    assert answer.status_code == 507
    assert "disk is too full" in answer.content.decode()
    assert 'value="Kept"' in answer.content.decode()
    assert_nothing_is_left(bob)


# -- crashes and races ----------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_same_task_twice_is_harmless(bob: User) -> None:
    video = sent_video(bob, clips.h264_mp4())
    assert [run_next_job(), run_next_job()] == ["completed", "nothing to do"]
    video.refresh_from_db()
    assert video.is_ready
    assert used(bob) == video.file_size_bytes


@pytest.mark.both_databases
def test_a_stale_workers_files_are_removed_and_change_nothing(bob: User) -> None:
    """It lost its lease between the last heartbeat and the end: the fenced UPDATE changes
    nothing."""
    video = sent_video(bob, clips.hevc_mp4())

    def take_over(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        # The destination of the files is read after the last heartbeat.
        asked = sql.startswith("SELECT") and '"config"' in sql
        if asked and Job.objects.filter(progress=99).exists():
            with connection.cursor() as cursor:
                cursor.execute("UPDATE jobs SET lease_owner = 'another'")
            work_folder(Job.objects.get()).mkdir(exist_ok=True)
            (work_folder(Job.objects.get()) / "output.mp4").write_bytes(b"the other's")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(take_over):
        assert work() == "lease lost"
    job = Job.objects.get()
    assert (job.state, job.lease_owner) == (JobState.RUNNING, "another")
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.PROCESSING
    assert set(everything_on_disk()) == {
        f"temp/{video.source_file.parent.name}/source.mp4",
        f"temp/job-{job.pk}/{work_folder(job).name}/output.mp4",
        f"videos/{video.renditions.get(name='original').filename}",
    }
    assert used(bob) == video.file_size_bytes


@pytest.mark.both_databases
def test_what_a_killed_attempt_had_published_is_set_aside_by_the_next(bob: User) -> None:
    video = sent_video(bob, clips.hevc_mp4())
    root = video_temp().parent
    killed = claim_next_job()
    assert killed is not None
    stem = file_stem(killed)
    for stray in (f"videos/{stem}.mp4", f"thumbnails/{stem}.jpg", f"originals/{stem}.mp4"):
        (root / stray).write_bytes(b"half")
    (root / "videos" / "of-another.mp4").write_bytes(b"not mine")
    Job.objects.update(state=JobState.WAITING, lease_owner="", lease_until=None)
    assert work() == "completed"
    video.refresh_from_db()
    assert set(everything_on_disk()) == {
        f"originals/{video.original_file.name}",
        f"thumbnails/{video.thumbnail_filename}",
        "videos/of-another.mp4",
        *(f"videos/{one.filename}" for one in video.renditions.all()),
    }
    assert set_aside_files() == [
        f"originals/{stem}.mp4",
        f"thumbnails/{stem}.jpg",
        f"videos/{stem}.mp4",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_video_deleted_while_it_is_encoded_leaves_no_process_and_no_file(
    bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.FFMPEG_PATH = real_time_ffmpeg(tmp_path / "slow")
    video = sent_video(bob, clips.hevc_mp4(seconds=20, size="160x90", fps="15"))
    problems: list[BaseException] = []

    def delete_it() -> None:
        try:
            wait_for(running_ffmpegs, name="FFmpeg")
            wait_for(lambda: Job.objects.get().progress, name="some progress")
            Video.objects.get(pk=video.pk).delete()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    other = threading.Thread(target=delete_it)
    other.start()
    before = time.monotonic()
    assert work() == "lease lost"
    other.join()
    assert problems == []
    assert time.monotonic() - before < 15, "it did not wait for the end of the video"
    assert running_ffmpegs() == []
    run_queue()
    assert everything_on_disk() == []
    assert entries(video_temp()) == []


# -- where videos are kept -------------------------------------------------------------------------


def test_videos_stored_before_a_change_of_folder_go_on_playing(bob: User, tmp_path: Path) -> None:
    from django.test import Client

    old = ready_video(bob, clips.h264_mp4())
    keep_new_videos_in(tmp_path / "new")
    new = ready_video(bob, clips.h264_mp4(seconds=1))
    assert new.file_path.parent == tmp_path / "new"
    assert old.file_path.parent != new.file_path.parent
    client = Client()
    client.force_login(make_user("alice"))
    for video in (old, new):
        answer = client.get(f"/v/{video.short_id}/stream.mp4")
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content) == video.file_path.read_bytes()  # type: ignore[attr-defined]


def test_a_folder_of_videos_that_is_on_another_disk_is_fine(
    bob: User, tiny_disk: Path, settings: Settings
) -> None:
    settings.MIN_FREE_DISK_BYTES = 0
    keep_new_videos_in(tiny_disk)
    video = ready_video(bob, clips.h264_mp4(seconds=1, size="160x90"))
    assert files_below(tiny_disk) == [video.filename]
