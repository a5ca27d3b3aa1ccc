"""Thumbnails from a chosen frame, by real FFmpeg, or from an uploaded image."""

from __future__ import annotations

import errno
import io
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ
from PIL import Image, ImageStat

from clipset.lib.pictures import PictureError
from clipset.workers.stopping import announce_stop, forget_stop
from tests import clips
from tests.builders import make_user, make_video
from tests.examples import one_in
from tests.folders import entries
from tests.processes import wait_for
from tests.videos.live import descendants, program
from tests.videos.stored_videos import (
    enrich,
    everything_on_disk,
    kept_video,
    run_queue,
    sent_video,
    wake_ups,
    work,
)
from videos import tasks
from videos.models import ProcessingStatus, Removal, Video
from videos.services import files, small_thumbnails, thumbnails
from videos.services.details import delete_video
from videos.services.files import files_named_after, sweep_temp
from videos.services.processing import publish
from videos.services.small_thumbnails import (
    make_missing_small_thumbnails,
    make_small_thumbnail,
    small_thumbnail,
)
from videos.services.stored_files import StoredFile, small_of
from videos.services.thumbnails import (
    NOT_READY,
    choose_thumbnail_frame,
    enqueue_lost_thumbnails,
    make_chosen_thumbnail,
    set_uploaded_thumbnail,
)
from videos.transcode.thumbnail import make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

LENGTH = 8  # seconds
MAKE = "videos.tasks.make_chosen_thumbnail"
SMALL = "videos.tasks.make_small_thumbnail"


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def video_file(bob: User) -> Video:
    """A video that grows brighter with time. Its enrichment has not started, and the queue is
    empty."""
    return kept_video(bob, clips.brightening(seconds=LENGTH, size="64x36"), is_enriched=False)


@pytest.fixture
def stopping() -> Iterator[None]:
    announce_stop()
    yield
    forget_stop()


def picture(colour: str = "red", size: tuple[int, int] = (640, 360)) -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    out.seek(0)
    return out


def thumbnail(video: Video) -> Path:
    video.refresh_from_db()
    assert video.thumbnail_path is not None
    return video.thumbnail_path


def wanted(video: Video) -> float | None:
    return Video.objects.get(pk=video.pk).thumbnail_wanted_at


def moment_shown(video: Video) -> float:
    """The time in seconds, from the brightness of the thumbnail. Black is 0 in JPEG and 16 in
    video."""
    with Image.open(thumbnail(video)) as image:
        level = ImageStat.Stat(image.convert("L")).mean[0]
    return level * 219 / 255 / clips.BRIGHTER * LENGTH


def colour(video: Video) -> tuple[int, ...]:
    with Image.open(thumbnail(video)) as image:
        found = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return found


def pictures() -> list[str]:
    return [it.name for it in entries(Path(django_settings.THUMBNAIL_STORAGE_PATH)) if it.is_file()]


def small() -> list[str]:
    """The names of small thumbnails, and of unfinished ones."""
    root = Path(django_settings.THUMBNAIL_STORAGE_PATH)
    return [it.name for it in small_of(root / "any").parent.glob("*")]


def temp() -> list[Path]:
    return entries(Path(django_settings.TEMP_STORAGE_PATH))


def assert_only_its_picture(video: Video) -> None:
    assert pictures() == [thumbnail(video).name]
    assert set(small()) <= {small_of(thumbnail(video)).name}
    assert temp() == []


# -- a moment -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", one_in(3, [0, 3, 5.5, 7]))
def test_the_picture_shows_the_moment_that_was_chosen(video_file: Video, seconds: float) -> None:
    before = thumbnail(video_file)
    choose_thumbnail_frame(video=video_file, seconds=seconds)
    assert thumbnail(video_file) == before, "until a worker has made the new one"
    assert wanted(video_file) == seconds
    assert run_queue() == [MAKE]
    assert moment_shown(video_file) == pytest.approx(seconds, abs=0.25)
    assert wanted(video_file) is None
    run_queue()
    assert_only_its_picture(video_file)


def test_the_very_end_is_the_last_frame(video_file: Video) -> None:
    assert video_file.duration_seconds is not None
    choose_thumbnail_frame(video=video_file, seconds=video_file.duration_seconds)
    run_queue()
    assert moment_shown(video_file) == pytest.approx(LENGTH, abs=0.4)


@pytest.mark.parametrize("seconds", [-1, LENGTH + 1, float("nan"), float("inf")])
def test_a_moment_that_the_video_does_not_have_is_refused(
    video_file: Video, seconds: float
) -> None:
    with pytest.raises(ValidationError, match="only 0:08 long"):
        choose_thumbnail_frame(video=video_file, seconds=seconds)
    video_file.refresh_from_db()
    assert video_file.thumbnail_wanted_at is None
    assert wake_ups() == []


@pytest.mark.parametrize("status", sorted(set(ProcessingStatus) - {ProcessingStatus.COMPLETED}))
def test_only_a_ready_video_gets_another_picture(bob: User, status: ProcessingStatus) -> None:
    video = make_video(uploader=bob, status=status, duration_seconds=9.0, width=64, height=36)
    with pytest.raises(ValidationError, match=NOT_READY):
        choose_thumbnail_frame(video=video, seconds=1)
    with pytest.raises(ValidationError, match=NOT_READY):
        set_uploaded_thumbnail(video=video, picture=picture())
    assert wake_ups() == []
    assert pictures() == []


def test_of_two_moments_the_last_one_counts(video_file: Video) -> None:
    choose_thumbnail_frame(video=video_file, seconds=2)
    choose_thumbnail_frame(video=video_file, seconds=6)
    assert run_queue() == [MAKE, MAKE]
    assert moment_shown(video_file) == pytest.approx(6, abs=0.25)
    run_queue()
    assert_only_its_picture(video_file)


def while_its_frame_is_made(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Calls `act` once, between making the frame and storing it."""
    real = thumbnails._frame
    acts = [act]

    def meanwhile(video: Video) -> bytes | None:
        jpeg = real(video)
        if acts:
            acts.pop()()
        return jpeg

    monkeypatch.setattr(thumbnails, "_frame", meanwhile)


def test_a_moment_chosen_while_another_is_made_is_the_one_that_counts(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = thumbnail(video_file)
    choose_thumbnail_frame(video=video_file, seconds=2)
    while_its_frame_is_made(
        monkeypatch, lambda: choose_thumbnail_frame(video=video_file, seconds=6)
    )
    run_queue()
    assert thumbnail(video_file) == before
    assert video_file.thumbnail_wanted_at == 6
    assert run_queue() == [MAKE]
    assert moment_shown(video_file) == pytest.approx(6, abs=0.25)
    run_queue()
    assert_only_its_picture(video_file)


def test_a_picture_sent_while_a_moment_is_made_stays(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_thumbnail_frame(video=video_file, seconds=2)
    while_its_frame_is_made(
        monkeypatch, lambda: set_uploaded_thumbnail(video=video_file, picture=picture())
    )
    run_queue()
    assert colour(video_file)[0] > 200
    assert video_file.thumbnail_wanted_at is None
    run_queue()
    assert_only_its_picture(video_file)


def test_two_workers_at_one_moment_leave_one_picture(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_thumbnail_frame(video=video_file, seconds=2)
    while_its_frame_is_made(monkeypatch, lambda: make_chosen_thumbnail(video_file.pk))
    assert not make_chosen_thumbnail(video_file.pk)
    assert moment_shown(video_file) == pytest.approx(2, abs=0.25)
    run_queue()
    assert_only_its_picture(video_file)


def test_a_video_deleted_while_its_picture_is_made_leaves_nothing(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_thumbnail_frame(video=video_file, seconds=2)
    while_its_frame_is_made(monkeypatch, lambda: (video_file.delete(), run_queue()))
    assert not make_chosen_thumbnail(video_file.pk)
    run_queue()
    assert everything_on_disk() == []


def test_a_video_deleted_before_is_not_there_to_choose_for(video_file: Video) -> None:
    Video.objects.all().delete()
    run_queue()
    with pytest.raises(Video.DoesNotExist):
        choose_thumbnail_frame(video=video_file, seconds=1)
    with pytest.raises(Video.DoesNotExist):
        set_uploaded_thumbnail(video=video_file, picture=picture())
    assert wake_ups() == []
    assert everything_on_disk() == []


def test_enrichment_at_the_same_time_keeps_both(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_thumbnail_frame(video=video_file, seconds=6)
    while_its_frame_is_made(monkeypatch, enrich)
    assert make_chosen_thumbnail(video_file.pk)
    run_queue()
    assert moment_shown(video_file) == pytest.approx(6, abs=0.25)
    assert video_file.storyboard_path is not None
    assert pictures() == sorted([video_file.storyboard_path.name, thumbnail(video_file).name])


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_lost_worker_costs_nothing_but_time(video_file: Video) -> None:
    """The task was lost, or its worker killed: a minute later it is enqueued again."""
    Video.objects.filter(pk=video_file.pk).update(thumbnail_wanted_at=6.0)
    tasks.look_after_jobs()
    assert wake_ups() == [MAKE, "videos.tasks.run_next_encode"]
    assert make_chosen_thumbnail(video_file.pk)
    assert moment_shown(video_file) == pytest.approx(6, abs=0.25)
    assert enqueue_lost_thumbnails() == 0


def test_a_stop_of_the_workers_leaves_the_moment_for_later(
    video_file: Video, stopping: None
) -> None:
    before = thumbnail(video_file)
    choose_thumbnail_frame(video=video_file, seconds=6)
    run_queue()
    assert thumbnail(video_file) == before
    assert video_file.thumbnail_wanted_at == 6
    assert_only_its_picture(video_file)
    forget_stop()
    assert enqueue_lost_thumbnails() == 1
    assert run_queue() == [MAKE]
    assert moment_shown(video_file) == pytest.approx(6, abs=0.25)


def test_an_ffmpeg_that_somebody_kills_is_asked_again(
    video_file: Video, tmp_path: Path, settings: Settings
) -> None:
    slow = tmp_path / "ffmpeg"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    (tmp_path / "ffprobe").symlink_to("/usr/bin/ffprobe")
    real, settings.FFMPEG_PATH = settings.FFMPEG_PATH, str(slow)
    choose_thumbnail_frame(video=video_file, seconds=6)

    def kill() -> None:
        wait_for(sleepers, name="ffmpeg")
        os.kill(sleepers()[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert not make_chosen_thumbnail(video_file.pk)
    killer.join()
    video_file.refresh_from_db()
    assert video_file.thumbnail_wanted_at == 6
    settings.FFMPEG_PATH = real
    assert make_chosen_thumbnail(video_file.pk)


def sleepers() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if program(pid) == "sleep"]


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_the_old_picture_and_the_moment(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = thumbnail(video_file)
    choose_thumbnail_frame(video=video_file, seconds=6)
    with monkeypatch.context() as full:
        full.setattr("clipset.lib.pictures.os.fsync", full_disk)
        assert not make_chosen_thumbnail(video_file.pk)
    assert (thumbnail(video_file), video_file.thumbnail_wanted_at) == (before, 6)
    assert_only_its_picture(video_file)
    assert make_chosen_thumbnail(video_file.pk)
    assert moment_shown(video_file) == pytest.approx(6, abs=0.25)


def test_a_video_that_cannot_be_read_keeps_its_picture_and_is_not_asked_for_ever(
    video_file: Video,
) -> None:
    before = thumbnail(video_file)
    video_file.file_path.write_bytes(b"not a video any more")
    choose_thumbnail_frame(video=video_file, seconds=6)
    assert run_queue() == [MAKE]
    assert (thumbnail(video_file), video_file.thumbnail_wanted_at) == (before, None)
    video_file.file_path.unlink()
    choose_thumbnail_frame(video=video_file, seconds=6)
    assert run_queue() == [MAKE]
    assert (thumbnail(video_file), video_file.thumbnail_wanted_at) == (before, None)
    assert_only_its_picture(video_file)


def test_a_database_that_fails_leaves_no_file_and_keeps_the_moment(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the transaction that stores the new thumbnail."""
    before = thumbnail(video_file)
    choose_thumbnail_frame(video=video_file, seconds=6)
    with monkeypatch.context() as failing:
        failing.setattr(
            thumbnails,
            "request_removals",
            lambda *_, **__: (_ for _ in ()).throw(OperationalError),
        )
        assert not make_chosen_thumbnail(video_file.pk)
        with pytest.raises(OperationalError):
            set_uploaded_thumbnail(video=video_file, picture=picture())
    assert (thumbnail(video_file), video_file.thumbnail_wanted_at) == (before, 6)
    assert_only_its_picture(video_file)


class PowerCut(BaseException):
    """No code after it runs."""


@pytest.mark.parametrize(
    "line",
    one_in(2, ["write_whole", "sync", "committed", "request_removals", "remove_unpublished"]),
)
def test_the_row_names_a_whole_picture_wherever_the_power_fails(
    video_file: Video, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    with monkeypatch.context() as cut:

        def fail(*_: Any, **__: Any) -> None:
            raise PowerCut

        cut.setattr(thumbnails, "remove_unpublished", fail)
        if line != "committed":
            cut.setattr(thumbnails, line, fail)
        with pytest.raises(PowerCut):
            set_uploaded_thumbnail(video=video_file, picture=picture())
    with Image.open(thumbnail(video_file)) as image:
        image.load()
    run_queue()
    with Image.open(thumbnail(video_file)) as image:
        image.load()
    assert len(pictures()) <= 2, "at most one that no row names"
    video_file.delete()
    run_queue()
    assert everything_on_disk() == [], "which goes with the video"


def test_what_a_killed_worker_left_in_the_temp_folder_is_swept(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_thumbnail_frame(video=video_file, seconds=6)
    monkeypatch.setattr(thumbnails, "clear_away", lambda _: None)
    make_chosen_thumbnail(video_file.pk)
    monkeypatch.undo()
    (left,) = temp()
    assert left.name.startswith("picture-")
    old = left.stat().st_mtime - files.MIN_AGE.total_seconds() - 1
    os.utime(left, (old, old))
    assert sweep_temp() == 1
    assert temp() == []


def test_a_folder_in_use_is_not_swept(video_file: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[int] = []

    def sweeping(*args: Any, **options: Any) -> bool:
        swept.append(sweep_temp())
        return make_thumbnail(*args, **options)

    monkeypatch.setattr("videos.services.thumbnails.make_thumbnail", sweeping)
    choose_thumbnail_frame(video=video_file, seconds=6)
    assert make_chosen_thumbnail(video_file.pk)
    assert swept == [0]


# -- a picture that is sent -----------------------------------------------------------------------


SENT_SIZES = {
    f"{width} x {height}": (width, height)
    for width, height in [(640, 360), (64, 36), (1, 1), (300, 900), (4000, 100)]
}


@pytest.mark.parametrize("size", one_in(3, SENT_SIZES))
def test_a_picture_that_is_sent_takes_the_shape_of_the_video(
    video_file: Video, size: tuple[int, int]
) -> None:
    set_uploaded_thumbnail(video=video_file, picture=picture("blue", size))
    with Image.open(thumbnail(video_file)) as image:
        assert (image.format, image.size) == ("JPEG", (64, 36))
    assert colour(video_file)[2] > 200
    assert Removal.objects.count() == 1
    assert SMALL in run_queue()
    assert_only_its_picture(video_file)


def test_the_old_picture_goes_only_after_the_new_one_counts(video_file: Video) -> None:
    old = thumbnail(video_file)
    set_uploaded_thumbnail(video=video_file, picture=picture())
    assert old.exists(), "somebody may be reading it"
    assert thumbnail(video_file) != old
    run_queue()
    assert not old.exists()
    assert_only_its_picture(video_file)


def test_a_video_without_a_picture_gets_one(video_file: Video) -> None:
    thumbnail(video_file).unlink()
    Video.objects.update(thumbnail_filename=None, thumbnail_root="")
    video_file.refresh_from_db()
    set_uploaded_thumbnail(video=video_file, picture=picture())
    assert wake_ups() == [SMALL]
    assert_only_its_picture(video_file)


def test_a_picture_that_is_sent_ends_the_wait_for_a_moment(video_file: Video) -> None:
    choose_thumbnail_frame(video=video_file, seconds=6)
    set_uploaded_thumbnail(video=video_file, picture=picture())
    assert video_file.thumbnail_wanted_at is None
    run_queue()
    assert colour(video_file)[0] > 200
    assert_only_its_picture(video_file)


def test_what_is_no_picture_is_refused_and_the_old_one_stays(video_file: Video) -> None:
    before = thumbnail(video_file)
    choose_thumbnail_frame(video=video_file, seconds=6)
    with pytest.raises(PictureError, match="can't be read as a picture"):
        set_uploaded_thumbnail(video=video_file, picture=io.BytesIO(b"no picture"))
    assert (thumbnail(video_file), video_file.thumbnail_wanted_at) == (before, 6)
    assert_only_its_picture(video_file)


def test_a_full_disk_is_said_and_keeps_the_old_picture(
    video_file: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = thumbnail(video_file)
    monkeypatch.setattr("clipset.lib.pictures.os.fsync", full_disk)
    with pytest.raises(PictureError, match="disk is full"):
        set_uploaded_thumbnail(video=video_file, picture=picture())
    assert thumbnail(video_file) == before
    assert_only_its_picture(video_file)


def test_an_upright_video_gets_an_upright_picture(bob: User) -> None:
    video = kept_video(bob, clips.phone_h264_mov(), is_enriched=False)
    set_uploaded_thumbnail(video=video, picture=picture())
    with Image.open(thumbnail(video)) as image:
        assert image.size == (180, 320)
    choose_thumbnail_frame(video=video, seconds=1)
    assert make_chosen_thumbnail(video.pk)
    with Image.open(thumbnail(video)) as image:
        assert image.size == (180, 320)


def test_no_publishing_worker_can_take_a_new_picture_for_a_leftover(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stray files are listed before anyone can choose a thumbnail."""
    video = sent_video(bob, clips.brightening(seconds=LENGTH, size="64x36"))
    states = []

    def listing(video_id: Any) -> list[StoredFile]:
        states.append(Video.objects.get(pk=video_id).is_ready)
        return files_named_after(video_id)

    def set_aside_late(video_id: Any, strays: Any) -> None:
        video.refresh_from_db()
        if video.is_ready:
            set_uploaded_thumbnail(video=video, picture=picture())
        files.set_strays_aside(video_id, strays)

    monkeypatch.setattr(publish, "files_named_after", listing)
    monkeypatch.setattr(publish, "set_strays_aside", set_aside_late)
    assert work() == "completed"
    assert states == [False]
    assert colour(video)[0] > 200


# -- small, for lists -----------------------------------------------------------------------------


@pytest.fixture
def pictured(bob: User) -> Video:
    """A row without a video file, with the thumbnail of an upright video, blue in its middle."""
    root = Path(django_settings.THUMBNAIL_STORAGE_PATH)
    video = make_video(uploader=bob, thumbnail_filename="upright.jpg", thumbnail_root="thumbnails")
    image = Image.new("RGB", (720, 1280), "red")
    image.paste("blue", (0, 300, 720, 980))
    image.save(root / "upright.jpg", "JPEG")
    return video


def test_a_worker_makes_the_small_thumbnail_of_a_video_that_was_published(bob: User) -> None:
    video = sent_video(bob, clips.brightening(seconds=LENGTH, size="64x36"))
    OrmQ.objects.all().delete()
    assert work() == "completed"
    assert small() == [], "publishing waits for no picture"
    assert SMALL in wake_ups()
    assert tasks.make_small_thumbnail(str(video.pk))
    path = thumbnail(video)
    assert small() == [small_of(path).name]
    assert small_thumbnail(path) == small_of(path)
    assert not tasks.make_small_thumbnail(str(video.pk)), "it is there"


def test_lists_get_the_middle_of_the_thumbnail(client: Client, pictured: Video) -> None:
    assert make_missing_small_thumbnails() == 1
    client.force_login(pictured.uploaded_by)
    page = client.get("/").content.decode()
    address = f"/v/{pictured.short_id}/thumbnail-640.webp"
    assert f'src="{address}?v=' in page
    answer = client.get(address)
    with Image.open(io.BytesIO(b"".join(answer))) as image:
        assert (image.format, image.size) == ("WEBP", (640, 360))
        corner = image.convert("RGB").getpixel((2, 2))
    assert isinstance(corner, tuple)
    assert corner[2] > 200
    assert corner[0] < 60
    assert (answer["Content-Type"], answer["Cache-Control"]) == (
        "image/webp",
        "private, max-age=86400",
    )


def test_a_list_that_asks_before_the_worker_gets_the_thumbnail_itself_and_makes_nothing(
    client: Client, pictured: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipset.lib.pictures._run_child", lambda *_: pytest.fail("decoded"))
    client.force_login(pictured.uploaded_by)
    answer = client.get(f"/v/{pictured.short_id}/thumbnail-640.webp")
    assert b"".join(answer) == thumbnail(pictured).read_bytes()
    assert answer["Content-Type"] == "image/jpeg"
    # Not cached for a day: the small thumbnail will exist in a moment.
    assert answer["Cache-Control"] == "private, no-cache"
    assert small() == []


@pytest.mark.parametrize("fault", ["disk", "picture"])
def test_where_no_small_thumbnail_can_be_made_lists_show_the_thumbnail_itself(
    fault: str, pictured: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = thumbnail(pictured)
    if fault == "disk":
        monkeypatch.setattr("clipset.lib.pictures.os.fsync", full_disk)
    else:
        path.write_bytes(b"broken")
    assert not make_small_thumbnail(pictured.pk)
    assert make_missing_small_thumbnails() == 0
    assert small_thumbnail(path) == path
    assert small() == []


def test_a_video_that_is_gone_or_has_no_thumbnail_gets_no_small_one(pictured: Video) -> None:
    thumbnail(pictured).unlink()
    assert not make_small_thumbnail(pictured.pk)
    Video.objects.update(thumbnail_filename=None)
    assert not make_small_thumbnail(pictured.pk)
    Video.objects.all().delete()
    assert not make_small_thumbnail(pictured.pk)
    assert small() == []


def test_the_sweep_makes_a_bounded_number_and_passes_by_what_is_no_thumbnail(
    pictured: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, content = thumbnail(pictured).parent, thumbnail(pictured).read_bytes()
    names = ["upright.jpg", "one.jpg", "two.jpg"]
    for name in [*names[1:], "stray.jpg", "upright-storyboard.jpg"]:
        (root / name).write_bytes(content)
    for name in names[1:]:
        make_video(thumbnail_filename=name, thumbnail_root="thumbnails")
    monkeypatch.setattr(small_thumbnails, "MAX_AT_A_TIME", 2)
    monkeypatch.setattr(small_thumbnails, "NAMES_IN_A_QUERY", 1)
    assert [tasks.make_missing_small_thumbnails() for _ in range(3)] == [2, 1, 0]
    assert sorted(small()) == ["one.webp", "two.webp", "upright.webp"]


def test_the_sweep_heeds_a_stop(pictured: Video, stopping: None) -> None:
    assert make_missing_small_thumbnails() == 0


def test_the_small_thumbnail_goes_with_the_thumbnail_also_when_made_too_late(
    pictured: Video,
) -> None:
    path = thumbnail(pictured)
    assert make_small_thumbnail(pictured.pk)
    late = small_thumbnail(path).read_bytes()
    delete_video(video=pictured)
    run_queue()
    assert small() == []
    # A worker was writing it just before.
    small_of(path).write_bytes(late)
    assert files.sweep_small_thumbnails() == 0, "it is young"
    monday = timezone.now() + timedelta(hours=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: monday)
        assert tasks.tidy_up() == 1
    assert small() == []
