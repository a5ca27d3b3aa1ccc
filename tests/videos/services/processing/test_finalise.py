"""Files of older versions that are finalised in the background."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from siteconfig.backup.expected import expected_files
from siteconfig.backup.runs import RUN_LEASE
from siteconfig.models import BackupRun
from siteconfig.roots import MARKER
from tests import clips
from tests.builders import make_admin, make_user
from tests.disks import fill, small_disk
from tests.folders import make_root
from tests.processes import ROOT
from tests.videos import live
from tests.videos.stored_videos import built_rendition, kept_video
from tests.videos.transcode import built, fragmented
from videos.models import FileHash, Job, JobState, Rendition, RenditionLayout, Video
from videos.services import finalising
from videos.services.file_hashes import hash_stored_files
from videos.services.finalising import (
    FinalisingProgress,
    files_are_being_finalised,
    finalising_progress,
)
from videos.services.processing import finalise as under_test
from videos.services.processing.finalise import finalise_older_files
from videos.transcode.errors import UnfitCopyError
from videos.transcode.file_start import is_finalised
from videos.transcode.finalise import carry_out, finalise, hashes
from videos.transcode.fragments import read_index
from videos.transcode.user_data import remove_user_data

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long_on_postgresql]

FRAGMENTED, FINALISING = RenditionLayout.FRAGMENTED, RenditionLayout.FINALISING
ORDINARY, UNFIT = RenditionLayout.ORDINARY, RenditionLayout.UNFIT


class Killed(BaseException):
    """Ends the work at one place, as SIGKILL does: nothing is tidied up."""


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def old(bob: User) -> Rendition:
    return built_rendition(bob)


def old_rendition(user: User) -> Rendition:
    """The file of a video as version 0.2 published it, and its row after the upgrade."""
    video = kept_video(user, clips.h264_mp4(), is_enriched=False)
    Job.objects.all().delete()
    [rendition] = video.renditions.all()
    old_file = fragmented.old(clips.h264_mp4())
    shutil.copyfile(old_file, rendition.path)
    size = old_file.stat().st_size
    Rendition.objects.filter(pk=rendition.pk).update(layout=FRAGMENTED, size_bytes=size)
    Video.objects.filter(pk=video.pk).update(stored_bytes=size)
    rendition.refresh_from_db()
    return rendition


def store_hash(rendition: Rendition, *, of: bytes | None = None) -> None:
    data = rendition.path.read_bytes() if of is None else of
    FileHash.objects.create(
        root=rendition.root,
        key=rendition.filename,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def assert_finalised(rendition: Rendition) -> None:
    rendition.refresh_from_db()
    data = rendition.path.read_bytes()
    assert rendition.layout == ORDINARY
    assert rendition.finalising_until is None
    assert is_finalised(rendition.path)
    assert rendition.size_bytes == len(data)
    assert Video.objects.get(pk=rendition.video_id).stored_bytes == len(data)
    [known] = FileHash.objects.filter(root=rendition.root, key=rendition.filename)
    assert (known.size_bytes, known.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def let_leases_expire() -> None:
    leased = Rendition.objects.exclude(finalising_until=None)
    leased.update(finalising_until=timezone.now() - timedelta(seconds=1))


def plays(rendition: Rendition) -> bool:
    client = Client()
    client.force_login(rendition.video.uploaded_by)
    base = f"/v/{rendition.video.short_id}"
    start = client.get(f"{base}/{rendition.name}.init.mp4?v={rendition.version}")
    playlist = client.get(f"{base}/{rendition.name}.m3u8")
    return start.status_code == playlist.status_code == 200 and "ENDLIST" in str(playlist.content)


def with_place(rendition: Rendition) -> bytes:
    """Writes the place of a car camera into the file of an old rendition, as older versions kept
    it. Returns the text."""
    place = b"latitude_deg=52.5200"
    message = bytes.fromhex("086f3693b7b34f2c965321492feee5b8") + place
    user_data = built.unit(b"\x06\x05" + bytes([len(message)]) + message + b"\x80")
    picture = built.picture(*(built.frames(n, first=user_data) for n in range(3)))
    rendition.path.write_bytes(built.fragmented_mp4(picture, built.sound()))
    size = rendition.path.stat().st_size
    Rendition.objects.filter(pk=rendition.pk).update(size_bytes=size)
    return place


def has_all_frames(path: Path) -> bool:
    """Whether the frames of `built` are in the file as they were made."""
    data = path.read_bytes()
    return all(built.unit(one) in data for one in (*built.IDR, *built.OTHERS))


def test_the_place_that_a_camera_wrote_into_an_old_copy_is_removed(old: Rendition) -> None:
    place = with_place(old)
    store_hash(old)
    changed_at = old.path.stat().st_mtime_ns
    assert place in old.path.read_bytes()
    assert finalise_older_files() == 1
    assert_finalised(old)
    assert place not in old.path.read_bytes()
    assert has_all_frames(old.path)
    assert old.path.stat().st_mtime_ns == changed_at, "players that read it go on"


def test_a_kill_while_the_place_is_removed_loses_nothing(
    old: Rendition, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = with_place(old)
    store_hash(old)

    def killed(path: Path, **more: Any) -> int:
        assert remove_user_data(path, **more) > 0
        raise Killed

    monkeypatch.setattr(under_test, "remove_user_data", killed)
    with pytest.raises(Killed):
        finalise_older_files()
    assert has_all_frames(old.path)
    monkeypatch.undo()
    let_leases_expire()
    assert finalise_older_files() == 1
    assert_finalised(old)
    assert place not in old.path.read_bytes()
    assert has_all_frames(old.path)


def test_the_hash_is_right_when_only_a_part_of_a_file_could_be_cleaned(
    old: Rendition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a file whose later pictures are damaged."""
    with_place(old)

    def in_part(path: Path, **more: Any) -> int:
        assert remove_user_data(path, **more) > 0
        raise UnfitCopyError("a run that is cut")

    monkeypatch.setattr(under_test, "remove_user_data", in_part)
    assert finalise_older_files() == 1
    assert_finalised(old)


@pytest.mark.ffmpeg
def test_a_file_of_an_older_version_becomes_an_ordinary_one(bob: User) -> None:
    old = old_rendition(bob)
    store_hash(old)
    index = read_index(old.path)
    assert finalise_older_files() == 1
    assert_finalised(old)
    assert read_index(old.path).fragments == index.fragments
    assert plays(old)
    assert finalise_older_files() == 0


@pytest.mark.ffmpeg
def test_new_files_are_ordinary_from_the_start(bob: User) -> None:
    video = kept_video(bob, clips.h264_mp4(size="1152x640", fps="10", gop=20))
    assert [one.layout for one in video.renditions.all()] == [ORDINARY, ORDINARY]
    assert all(is_finalised(one.path) for one in video.renditions.all())
    assert finalising_progress() == FinalisingProgress(left=0, unfit=0)


def test_progress_counts_what_is_left(old: Rendition) -> None:
    new = built_rendition(make_user())
    finalise(new.path)
    Rendition.objects.filter(pk=new.pk).update(layout=ORDINARY)
    assert finalising_progress() == FinalisingProgress(left=1, unfit=0)
    Rendition.objects.filter(pk=old.pk).update(layout=FINALISING)
    assert finalising_progress() == FinalisingProgress(left=1, unfit=0)
    finalise_older_files()
    assert finalising_progress() == FinalisingProgress(left=0, unfit=0)
    assert_finalised(old)


def test_it_waits_for_jobs(old: Rendition) -> None:
    now = timezone.now()
    job = Job.objects.create(video=old.video, run_after=now)
    assert finalise_older_files() == 0
    job.state, job.lease_owner, job.lease_until = JobState.RUNNING, "w", now + finalising.LEASE
    job.save()
    assert finalise_older_files() == 0
    job.delete()
    assert finalise_older_files() == 1


def test_it_waits_for_a_backup_and_a_backup_for_it(
    old: Rendition, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = BackupRun.objects.create(lease_until=timezone.now() + RUN_LEASE)
    assert finalise_older_files() == 0
    assert not files_are_being_finalised()
    run.delete()

    # It begins between the first look and the lease.
    monkeypatch.setattr(under_test, "backup_is_running", lambda: False)
    run = BackupRun.objects.create(lease_until=timezone.now() + RUN_LEASE)
    assert finalise_older_files() == 0
    assert not files_are_being_finalised()
    old.refresh_from_db()
    assert (old.layout, old.finalise_tries) == (FINALISING, 0)
    run.delete()

    seen: list[bool] = []

    def look(*args: Any, **kwargs: Any) -> None:
        seen.append(files_are_being_finalised())
        carry_out(*args, **kwargs)

    monkeypatch.setattr(under_test, "carry_out", look)
    assert finalise_older_files() == 1
    assert seen == [True]
    assert not files_are_being_finalised()


def test_a_damaged_file_is_left_as_it_is_and_the_others_go_on(
    old: Rendition, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = built_rendition(make_user())
    data = damaged.path.read_bytes()[:-200]
    damaged.path.write_bytes(data)
    assert finalise_older_files() == 1
    assert_finalised(old)
    damaged.refresh_from_db()
    assert (damaged.layout, damaged.path.read_bytes()) == (UNFIT, data)
    assert f"{damaged.path.name} can't be finalised" in caplog.text
    assert finalising_progress().unfit == 1
    assert finalise_older_files() == 0


def test_a_file_that_is_not_the_one_that_was_hashed_is_left_as_it_is(
    old: Rendition, caplog: pytest.LogCaptureFixture
) -> None:
    data = bytearray(old.path.read_bytes())
    store_hash(old)
    data[-200] ^= 1
    old.path.write_bytes(data)
    assert finalise_older_files() == 0
    old.refresh_from_db()
    assert (old.layout, old.path.read_bytes()) == (UNFIT, bytes(data))
    assert under_test.CHANGED in caplog.text
    assert FileHash.objects.count() == 1


def test_a_missing_file_is_tried_again_a_few_times(old: Rendition) -> None:
    old.path.unlink()
    for _ in range(finalising.MAX_TRIES + 2):
        assert finalise_older_files() == 0
    old.refresh_from_db()
    assert (old.layout, old.finalise_tries) == (UNFIT, finalising.MAX_TRIES)


STEPS = ("plan_finalisation", "hashes", "carry_out", "_store")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_after", [False, True])
def test_a_kill_at_any_step_loses_nothing(
    old: Rendition, step: str, *, is_after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_hash(old)
    done = getattr(under_test, step)

    def killed(*args: Any, **kwargs: Any) -> None:
        if is_after:
            done(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(under_test, step, killed)
        with pytest.raises(Killed):
            finalise_older_files()
    assert plays(old)
    for file in expected_files():  # a backup that is taken now is right
        if file.key == old.filename:
            data = old.path.read_bytes()
            assert file.size_bytes in (None, len(data))
            assert file.sha256 in (None, hashlib.sha256(data).hexdigest())
    if not (step == "_store" and is_after):
        assert finalise_older_files() == 0, "the dead worker's lease has not expired"
        let_leases_expire()
        assert finalise_older_files() == 1
    assert_finalised(old)


def test_a_file_that_kills_its_worker_each_time_is_given_up(
    old: Rendition, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(under_test, "plan_finalisation", killed)
        for _ in range(finalising.MAX_TRIES):
            with pytest.raises(Killed):
                finalise_older_files()
            let_leases_expire()
        assert finalise_older_files() == 0
    old.refresh_from_db()
    assert old.layout == UNFIT
    assert finalise_older_files() == 0


def test_a_worker_that_lost_its_lease_changes_no_row(
    old: Rendition, monkeypatch: pytest.MonkeyPatch
) -> None:

    def slow(*args: Any, **kwargs: Any) -> None:
        carry_out(*args, **kwargs)
        Rendition.objects.update(finalising_until=timezone.now() + timedelta(seconds=90))

    monkeypatch.setattr(under_test, "carry_out", slow)
    assert finalise_older_files() == 0
    old.refresh_from_db()
    assert old.layout == FINALISING


def test_a_video_that_is_deleted_meanwhile_is_no_error(
    old: Rendition, monkeypatch: pytest.MonkeyPatch
) -> None:

    def deleted(*args: Any, **kwargs: Any) -> tuple[str, str]:
        found = hashes(*args, **kwargs)
        Video.objects.all().delete()
        old.path.unlink()
        return found

    monkeypatch.setattr(under_test, "hashes", deleted)
    assert finalise_older_files() == 0
    assert not FileHash.objects.exists()
    assert not old.path.exists()


def test_what_is_on_a_disk_that_is_away_waits_and_holds_nothing_up(
    old: Rendition, tmp_path: Path
) -> None:
    other = built_rendition(make_user())
    root = make_root("videos-2", tmp_path / "away")
    shutil.move(old.path, tmp_path / "away" / old.filename)
    Rendition.objects.filter(pk=old.pk).update(root=root, layout=FINALISING)
    (tmp_path / "away" / MARKER).rename(tmp_path / "marker")
    assert finalise_older_files() == 1
    assert_finalised(other)
    (tmp_path / "marker").rename(tmp_path / "away" / MARKER)
    assert finalise_older_files() == 1
    old.refresh_from_db()
    assert_finalised(old)


def test_what_is_on_a_full_disk_waits_and_holds_nothing_up(old: Rendition, tmp_path: Path) -> None:
    other = built_rendition(make_user())
    (tmp_path / "full").mkdir()
    with small_disk(tmp_path / "full", tmp_path / "beside", megabytes=1):
        root = make_root("videos-2", tmp_path / "full")
        shutil.move(old.path, tmp_path / "full" / old.filename)
        Rendition.objects.filter(pk=old.pk).update(root=root, layout=FINALISING)
        fill(tmp_path / "full" / "filler")
        assert finalise_older_files() == 1
        assert_finalised(other)
        old.refresh_from_db()
        assert (old.layout, old.finalise_tries) == (FRAGMENTED, 0)
        assert plays(old)
        (tmp_path / "full" / "filler").unlink()
        assert finalise_older_files() == 1
        assert_finalised(old)


def test_an_older_database_over_a_finalised_file_is_put_right(old: Rendition) -> None:
    store_hash(old)
    finalise(old.path)
    assert finalise_older_files() == 1
    assert_finalised(old)


def test_files_that_are_to_be_finalised_are_hashed_by_that(old: Rendition) -> None:
    hash_stored_files()
    assert not FileHash.objects.filter(key=old.filename).exists()
    finalise_older_files()
    hash_stored_files()
    assert_finalised(old)


def test_the_admin_shows_how_far_it_is(old: Rendition) -> None:
    client = Client()
    client.force_login(make_admin())
    assert "Finalizing older videos: 1 file left." in client.get("/admin/videos/job/").text
    finalise_older_files()
    assert "Finalizing older videos" not in client.get("/admin/videos/job/").text
    Rendition.objects.update(layout=UNFIT)
    page = " ".join(client.get("/admin/videos/job/").text.split())
    assert "1 damaged file</span> can't be finalized and stays as before" in page


def test_a_schedule_does_it(transactional_db: None) -> None:
    from django_q.models import Schedule

    call_command("setup_schedules")
    assert Schedule.objects.filter(func="videos.tasks.finalise_older_files").count() == 1


WORKER = """
import sys
import django
django.setup()
from videos.services.processing.finalise import finalise_older_files
print("ready", flush=True)
sys.stdin.readline()
finalise_older_files()
print("done", flush=True)
"""


@pytest.mark.ffmpeg
@pytest.mark.long  # each step is killed in each run
def test_a_hundred_kills_leave_ordinary_files(
    bob: User, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(14)
    settings = live.environment(media, tmp_path)
    rendition = old_rendition(bob)
    before = rendition.path.read_bytes()
    pictures = fragmented.pictures(rendition.path)
    size = rendition.size_bytes
    finished = 0
    for _ in range(100):
        rendition.path.write_bytes(before)
        FileHash.objects.all().delete()
        store_hash(rendition)
        Rendition.objects.update(
            layout=FRAGMENTED, size_bytes=size, finalise_tries=0, finalising_until=None
        )
        with subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=settings,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(chance.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
        rendition.refresh_from_db()
        finished += rendition.layout == ORDINARY
        assert plays(rendition)
        assert fragmented.pictures(rendition.path) == pictures
        let_leases_expire()
        finalise_older_files()
        assert_finalised(rendition)
    assert 0 < finished < 100
