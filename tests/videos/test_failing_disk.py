"""A disk that fails under a running site: read-only, full, unmounted or broken. Requests are
answered with a sentence, nothing is lost, and work continues when the disk is back."""

from __future__ import annotations

import errno
import io
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from clipset.lib.refusals import RefusedError
from clipset.lib.unavailable import FULL, STORAGE_AWAY
from siteconfig.places import SETTINGS
from tests import clips
from tests.builders import PASSWORD, make_admin, make_user, make_video
from tests.disks import breaking_disk
from tests.folders import make_root, make_roots
from tests.videos import tus_client
from tests.videos.stored_videos import kept_video, sent_video, used, work
from tests.videos.test_processing import own_ffmpeg
from videos.models import Job, JobState, ProcessingStatus, Upload, Video
from videos.selectors import playback
from videos.services import files, notifications
from videos.services.processing import attempt, enqueue, jobs, publish
from videos.services.processing.attempt import SOURCE_CHANGED, process_next_job
from videos.services.processing.disk_faults import Fault, fault_of_storage
from videos.services.processing.enqueue import SLOW
from videos.services.storage import missing_roots
from videos.services.uploads.create import VideoDetails, begin_upload
from videos.services.uploads.expire import end_upload
from videos.services.uploads.finish import finish_upload
from videos.tasks import look_after_jobs, tidy_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from accounts.models import User
    from tests.disks import BreakingDisk, Disk

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 800


@pytest.fixture(autouse=True)
def small_disks_will_do(settings: Settings) -> None:
    settings.MIN_FREE_DISK_BYTES = 0


@pytest.fixture
def bob() -> User:
    return make_user("bob", password=PASSWORD)


@pytest.fixture
def client(bob: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(bob)
    return client


@pytest.fixture
def breaking(media: Path, tmp_path: Path) -> Iterator[BreakingDisk]:
    """A disk that can be broken and holds all files of the site."""
    with breaking_disk(media, tmp_path / "broken") as disk:
        make_roots(media)
        yield disk


def picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "PNG")
    return SimpleUploadedFile("a.png", out.getvalue(), "image/png")


def send_by_form(client: Client, content: bytes = CONTENT) -> Any:
    video_file = SimpleUploadedFile("a.mp4", content, "video/mp4")
    return client.post("/upload/", {"title": "What was typed", "file": video_file})


def status(client: Client, address: str) -> int:
    """The status of an answer that is read to its end."""
    answer = client.get(address)
    if answer.streaming:
        list(answer)
    return answer.status_code


def due_again() -> None:
    Job.objects.update(run_after=timezone.now())


def assert_untouched(job: Job) -> None:
    """The job was given back and no attempt counted."""
    job.refresh_from_db()
    assert (job.state, job.failures, job.losses) == (JobState.WAITING, 0, 0)


def check_refused(answer: Any, code: int, *, sentence: str = "") -> None:
    assert (answer.status_code, answer["Retry-After"] if code == 503 else "60") == (code, "60")
    if sentence:
        assert answer.content.decode() == sentence


def broken(number: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


# -- uploads --------------------------------------------------------------------------------------


def test_a_creation_on_a_read_only_disk_is_refused_and_reserves_nothing(
    client: Client, bob: User, disk: Disk
) -> None:
    with disk.read_only():
        check_refused(tus_client.create(client, len(CONTENT)), 503, sentence=STORAGE_AWAY.sentence)
        with_body = tus_client.create(client, len(CONTENT), CONTENT)
        check_refused(with_body, 503, sentence=STORAGE_AWAY.sentence)
        form = send_by_form(client)
        check_refused(form, 503)
        assert "storage isn&#x27;t available right now" in form.content.decode()
        assert set(missing_roots()) == set(SETTINGS)
    assert not Upload.objects.exists()
    assert used(bob) == 0
    assert tus_client.create(client, len(CONTENT), CONTENT).status_code == 201


def test_a_disk_that_breaks_during_a_creation_gives_the_reservation_back(
    client: Client, bob: User, breaking: BreakingDisk
) -> None:
    with breaking.broken():
        check_refused(
            tus_client.create(client, len(CONTENT), CONTENT), 503, sentence=STORAGE_AWAY.sentence
        )
        check_refused(send_by_form(client), 503)
    assert not Upload.objects.filter(state="OPEN").exists()
    assert used(bob) == 0


@pytest.mark.parametrize(("how", "code"), [("read_only", 503), ("full", 507)])
def test_an_upload_already_begun_keeps_its_reservation_and_goes_on(
    client: Client, bob: User, disk: Disk, how: str, code: int
) -> None:
    address = tus_client.create(client, len(CONTENT))["Location"]
    assert tus_client.append(client, address, 0, CONTENT[:5000]).status_code == 204
    with getattr(disk, how)():
        check_refused(tus_client.append(client, address, 5000, CONTENT[5000:]), code)
        asked = tus_client.ask(client, address)
        assert asked.status_code == 200
        kept = int(asked["Upload-Offset"])
        assert kept >= 5000
        assert used(bob) == len(CONTENT)
        assert tus_client.create(client, 1000, CONTENT[:1000]).status_code == code
        assert used(bob) == len(CONTENT)
    assert tus_client.append(client, address, kept, CONTENT[kept:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == CONTENT


def test_a_disk_that_breaks_under_an_upload_loses_nothing_that_was_saved(
    client: Client, bob: User, breaking: BreakingDisk
) -> None:
    address = tus_client.create(client, len(CONTENT))["Location"]
    assert tus_client.append(client, address, 0, CONTENT[:5000]).status_code == 204
    with breaking.broken():
        check_refused(
            tus_client.append(client, address, 5000, CONTENT[5000:]),
            503,
            sentence=STORAGE_AWAY.sentence,
        )
    assert used(bob) == len(CONTENT)
    assert Upload.objects.get().writer_token == "", "the lease was given back"
    breaking.mount_again()
    assert tus_client.ask(client, address)["Upload-Offset"] == "5000"
    assert tus_client.append(client, address, 5000, CONTENT[5000:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == CONTENT


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_what_the_disk_says_while_bytes_are_written_or_saved(
    client: Client, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    code = 507 if number in {errno.EDQUOT, errno.ENOSPC} else 503
    address = tus_client.create(client, len(CONTENT))["Location"]
    with monkeypatch.context() as failing:
        failing.setattr(f"videos.services.uploads.writer.os.{call}", broken(number))
        check_refused(tus_client.append(client, address, 0, CONTENT), code)
    assert tus_client.ask(client, address)["Upload-Offset"] == "0"
    assert tus_client.append(client, address, 0, CONTENT).status_code == 204


def test_an_upload_under_which_the_disk_is_unmounted_becomes_a_video_when_it_is_back(
    client: Client, disk: Disk, media: Path
) -> None:
    address = tus_client.create(client, len(CONTENT))["Location"]

    def pieces() -> Iterator[tus_client.Piece]:
        yield CONTENT[:5000]
        yield disk.unmount
        yield CONTENT[5000:]

    check_refused(tus_client.append_coming(client, address, 0, len(CONTENT), pieces()), 503)
    check_refused(tus_client.ask(client, address), 503)
    assert not Video.objects.exists()
    assert list(media.iterdir()) == []
    disk.mount_again()
    assert tus_client.ask(client, address)["Upload-Offset"] == str(len(CONTENT))
    assert Video.objects.get().source_file.read_bytes() == CONTENT


def test_a_form_under_which_the_disk_is_unmounted_makes_no_video(bob: User, disk: Disk) -> None:
    upload = begin_upload(user=bob, content_length=len(CONTENT))
    path = upload.folder_path / "source.mp4"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    disk.unmount()
    with pytest.raises(RefusedError) as refused:
        finish_upload(
            upload=upload,
            path=path,
            size=len(CONTENT),
            original_filename="a.mp4",
            details=VideoDetails(title="A"),
        )
    assert refused.value.status == 503
    assert end_upload(upload=upload)
    assert not Video.objects.exists()
    assert used(bob) == 0


# -- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "code"), [("read_only", 503), ("full", 507)])
def test_pictures_are_refused_and_forms_keep_what_was_typed(
    client: Client, bob: User, disk: Disk, how: str, code: int
) -> None:
    video = make_video(uploader=bob, width=640, height=360)
    admin = Client()
    admin.force_login(make_admin())
    said = FULL.sentence if code == 507 else STORAGE_AWAY.sentence
    typed = {"name": "What was typed", "slug": "typed", "description": ""}
    with getattr(disk, how)():
        edited = {"title": "What was typed", "description": "", "picture": picture()}
        answers = [
            client.post("/settings/avatar/", {"picture": picture()}),
            client.post(f"/v/{video.short_id}/edit/", edited),
            admin.post("/admin/categories/category/add/", typed | {"cover": picture()}),
        ]
    for answer in answers:
        assert (answer.status_code, answer["Retry-After"]) == (code, "60")
        assert said.replace("'", "&#x27;") in answer.content.decode()
    for answer in answers[1:]:
        assert 'value="What was typed"' in answer.content.decode()
    bob.refresh_from_db()
    assert bob.avatar == ""
    assert client.post("/settings/avatar/", {"picture": picture()}).status_code == 302


# -- jobs -----------------------------------------------------------------------------------------


def test_no_job_is_taken_while_a_disk_is_read_only_and_what_is_ready_plays(
    client: Client, bob: User, disk: Disk
) -> None:
    ready = kept_video(bob, clips.h264_mp4(), is_enriched=False)
    Job.objects.all().delete()
    video = sent_video(bob, clips.h264_mp4())
    with disk.read_only():
        assert work() == "nothing to do"
        assert status(client, f"/v/{ready.short_id}/stream.mp4") == 200
        assert client.get("/healthz").status_code == 503
    assert Job.objects.get().attempts == 0
    assert work() == "completed"
    video.refresh_from_db()
    assert video.is_ready


def test_a_disk_that_becomes_read_only_under_an_encode_gives_the_job_back(
    bob: User, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = sent_video(bob, clips.hevc_mp4())
    assert process_next_job() == "to be encoded"
    real = publish.process

    def on_a_read_only_disk(*args: Any, **kwargs: Any) -> None:
        with disk.read_only():
            real(*args, **kwargs)

    with monkeypatch.context() as failing:
        failing.setattr(attempt, "process", on_a_read_only_disk)
        # The disk is writable again before it is checked: only FFmpeg's message tells of the fault.
        assert process_next_job(SLOW) in {"given back", "to be tried again"}
    video.refresh_from_db()
    assert (video.processing_status, video.is_refused) != (ProcessingStatus.FAILED, True)
    due_again()
    assert process_next_job(SLOW) == "completed"


def test_a_job_on_a_disk_that_takes_nothing_more_is_given_back(
    bob: User, breaking: BreakingDisk
) -> None:
    sent_video(bob, clips.h264_mp4())
    job = Job.objects.get()
    with breaking.broken():
        outcomes = [work()]
        due_again()
        outcomes.append(work())
    assert set(outcomes) <= {"given back", "nothing to do"}
    assert_untouched(job)
    breaking.mount_again()
    due_again()
    assert work() == "completed"


@pytest.mark.parametrize(("kind", "since"), [("mp4", 0.5), ("mkv", 0.0), ("mkv", 0.5)])
def test_a_source_that_its_disk_does_not_give_is_not_refused(
    bob: User, tmp_path: Path, kind: str, since: float
) -> None:
    clip = clips.make(kind, *clips.picture(3, fps="10"), *clips.x264())
    video = sent_video(bob, clip)
    job = Job.objects.get()
    folder = tmp_path / "source"
    folder.mkdir()
    with breaking_disk(folder, tmp_path / "broken") as breaking:
        Video.objects.update(source_root=make_root("temp-2", folder, kind="temp"))
        source = folder / video.source_key
        source.parent.mkdir()
        shutil.move(video.source_file, source)
        with breaking.unreadable(source, since=int(source.stat().st_size * since)):
            assert work() == "given back"
            assert_untouched(job)
            assert job.run_after > timezone.now()
        breaking.mount_again()
        due_again()
        assert work() == "completed"


def test_what_sounds_like_a_disk_is_judged_when_it_is_heard_again(
    bob: User, tmp_path: Path, settings: Settings
) -> None:
    says = "echo 'moov atom: Input/output error' >&2; exit 1"
    real, settings.FFMPEG_PATH = settings.FFMPEG_PATH, own_ffmpeg(tmp_path / "own", ffprobe=says)
    flapping = sent_video(bob, clips.h264_mp4())
    assert work() == "to be tried again"
    settings.FFMPEG_PATH = real
    due_again()
    assert work() == "completed"
    flapping.refresh_from_db()
    assert flapping.is_ready
    Job.objects.all().delete()
    settings.FFMPEG_PATH = str(tmp_path / "own" / "ffmpeg")
    damaged = sent_video(bob, clips.h264_mp4())
    assert work() == "to be tried again"
    due_again()
    assert work() == "refused"
    damaged.refresh_from_db()
    assert damaged.is_refused


def test_a_source_that_is_shorter_than_what_was_uploaded_is_not_refused(bob: User) -> None:
    video = sent_video(bob, clips.h264_mp4())
    whole = video.source_file.read_bytes()
    video.source_file.write_bytes(whole[: len(whole) // 2])
    assert work() == "to be tried again"
    video.source_file.write_bytes(whole)
    due_again()
    assert work() == "completed"
    other = sent_video(bob, clips.h264_mp4())
    other.source_file.write_bytes(whole[: len(whole) // 2])
    for _ in range(3):
        due_again()
        outcome = process_next_job()
    other.refresh_from_db()
    assert (outcome, other.is_refused, other.error_message) == ("given up", False, SOURCE_CHANGED)


def test_a_broken_disk_is_asked_less_and_less_often(bob: User) -> None:
    sent_video(bob, clips.h264_mp4())
    job = Job.objects.get()
    pauses = []
    for attempts in range(1, 8):
        job.attempts = attempts
        pauses.append(jobs.storage_pause(job).total_seconds() / 60)
    assert pauses == [1, 2, 4, 8, 15, 15, 15]


def test_a_fault_is_looked_for_without_a_source(bob: User, tmp_path: Path) -> None:
    video = sent_video(bob, clips.h264_mp4())
    job = Job.objects.get()
    error = ValueError()
    assert fault_of_storage(job, tmp_path, error, tick=lambda _: None) is None
    assert (
        fault_of_storage(job, tmp_path, OSError(errno.EIO, ""), tick=lambda _: None) is Fault.AWAY
    )
    video.source_file.unlink()
    assert fault_of_storage(job, tmp_path, error, tick=lambda _: None) is None


def test_housekeeping_goes_on_past_a_disk_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def forget_old_notifications() -> int:
        done.append("notifications")
        return 1

    monkeypatch.setattr(files, "sweep_temp", broken(errno.EIO))
    monkeypatch.setattr(enqueue, "enqueue_due_jobs", lambda: done.append("jobs"))
    monkeypatch.setattr(notifications, "forget_old_notifications", forget_old_notifications)
    assert look_after_jobs() == 0
    assert tidy_up() == 1
    assert done == ["jobs", "notifications"]
    monkeypatch.setattr(files, "sweep_temp", broken(errno.EINVAL))
    with pytest.raises(OSError, match="Invalid argument"):
        look_after_jobs()


# -- what is shown --------------------------------------------------------------------------------


def test_what_a_broken_disk_does_not_give_is_503_in_one_line_of_the_log(
    client: Client, bob: User, breaking: BreakingDisk, caplog: pytest.LogCaptureFixture
) -> None:
    video = kept_video(bob, clips.h264_mp4(), is_enriched=False)
    address = f"/v/{video.short_id}/master.m3u8"
    with breaking.unreadable(video.file_path):
        playback._indexes.clear()
        caplog.clear()
        answer = client.get(address)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        ours = [it for it in caplog.records if it.name.startswith(("clipset", "videos"))]
        assert len(ours) == 1
        assert not any(it.exc_info for it in caplog.records)
        assert client.get(f"/v/{video.short_id}/").status_code == 200
    breaking.mount_again()
    assert status(client, address) == 200
