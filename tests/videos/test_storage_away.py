"""A storage root whose disk is away: nothing is lost, nothing is written in its place, and requests
are answered with a sentence."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.services.avatars import set_avatar
from categories.services import store_cover
from clipset.lib.pictures import PictureError
from clipset.lib.unavailable import STORAGE_AWAY
from siteconfig.models import Config, StorageRoot
from siteconfig.roots import MARKER
from tests import clips
from tests.builders import make_category, make_user, make_video
from tests.conftest import FOLDERS
from tests.examples import one_in
from tests.folders import keep_new_videos_in, make_root
from tests.processes import ROOT
from tests.videos import live, tus_client
from tests.videos.stored_videos import (
    files_below,
    kept_video,
    ready_video,
    run_queue,
    sent_video,
    used,
    work,
)
from videos.models import Job, JobKind, JobState, ProcessingStatus, Upload, Video
from videos.sample_data.seed import SampleDataError, seed_sample_data
from videos.selectors import playback
from videos.services.files import sweep_strays, sweep_temp
from videos.services.processing import attempt, jobs, publish
from videos.services.processing.adopt import may_be_adopted
from videos.services.processing.attempt import process_next_job
from videos.services.processing.claim import is_encode_waiting
from videos.services.processing.enqueue import SLOW
from videos.services.removing import work_off_removals
from videos.services.storage import mark_new_roots, missing_roots
from videos.services.thumbnails import set_uploaded_thumbnail
from videos.services.uploads.create import NO_METADATA
from videos.services.uploads.expire import end_expired_uploads
from videos.tasks import look_after_jobs, tidy_up

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def unplug(folder: Path) -> None:
    """Unmounts a root's disk: an empty folder is in its place."""
    folder.rename(folder.with_name(f"{folder.name}-unplugged"))
    folder.mkdir()


def plug_in(folder: Path) -> None:
    folder.rmdir()  # fails if something was written there
    folder.with_name(f"{folder.name}-unplugged").rename(folder)
    Job.objects.update(run_after=timezone.now())


# -- uploads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["temp", "videos", "thumbnails", "originals"])
@pytest.mark.parametrize("how", ["unmounted", "gone", "another site's"])
def test_an_upload_is_refused_with_a_sentence_and_leaves_nothing(
    client: Client, bob: User, media: Path, root: str, how: str
) -> None:
    if how == "another site's":
        content = json.dumps({"site": str(uuid4()), "root": root})
        (media / root / MARKER).write_text(content)
    else:
        unplug(media / root)
    if how == "gone":
        (media / root).rmdir()
    before = sorted(media.rglob("*"))
    video_file = SimpleUploadedFile("a.mp4", CONTENT, "video/mp4")
    answer = client.post("/upload/", {"title": "Kept", "file": video_file})
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "storage isn&#x27;t available right now" in answer.content.decode()
    tus = tus_client.create(client, len(CONTENT))
    assert (tus.status_code, tus["Retry-After"]) == (503, "60")
    assert tus.content.decode() == STORAGE_AWAY.sentence
    assert sorted(media.rglob("*")) == before
    assert not Upload.objects.exists()
    assert used(bob) == 0


def test_an_upload_on_its_way_goes_on_when_the_disk_is_back(
    client: Client, bob: User, media: Path
) -> None:
    address = tus_client.create(client, len(CONTENT))["Location"]
    assert tus_client.append(client, address, 0, CONTENT[:1000]).status_code == 204
    unplug(media / "temp")
    asked = tus_client.ask(client, address)
    for answer in (asked, tus_client.append(client, address, 1000, CONTENT[1000:])):
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    Upload.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert end_expired_uploads() == 0, "nobody could go on with it"
    Upload.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    plug_in(media / "temp")
    assert tus_client.ask(client, address)["Upload-Offset"] == "1000"
    assert tus_client.append(client, address, 1000, CONTENT[1000:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == CONTENT


def test_a_whole_upload_becomes_a_video_when_the_disk_is_back(
    client: Client, bob: User, media: Path
) -> None:
    address = tus_client.create(client, len(CONTENT))["Location"]
    metadata = Upload.objects.values(*NO_METADATA).get()
    tus_client.append(client, address, 0, CONTENT)
    video = Video.objects.get()
    Job.objects.all().delete()
    Upload.objects.update(state="OPEN", video=None, **metadata)
    Video.objects.filter(pk=video.pk)._raw_delete("default")
    unplug(media / "temp")
    look_after_jobs()
    assert not Video.objects.exists()
    plug_in(media / "temp")
    look_after_jobs()
    assert Video.objects.get().source_file.read_bytes() == CONTENT


# -- jobs -----------------------------------------------------------------------------------------


# The uploads above are refused for each root in each run.
@pytest.mark.parametrize("root", one_in(2, ["videos", "temp", "originals", "thumbnails"]))
def test_a_job_is_not_taken_while_a_root_is_away_and_done_when_it_is_back(
    bob: User, media: Path, root: str
) -> None:
    video = sent_video(bob, clips.h264_mp4())
    unplug(media / root)
    for _ in range(3):
        assert work() == "nothing to do"
    job = Job.objects.get()
    assert (job.state, job.attempts, job.failures, job.losses) == (JobState.WAITING, 0, 0, 0)
    plug_in(media / root)
    assert work() == "completed"
    video.refresh_from_db()
    assert video.is_ready


def test_only_jobs_whose_source_is_there_are_taken(bob: User, media: Path, tmp_path: Path) -> None:
    elsewhere = sent_video(bob, clips.h264_mp4(), title="Elsewhere")
    old_temp = make_root("temp-2", tmp_path / "old", kind="temp")
    Video.objects.filter(pk=elsewhere.pk).update(source_root=old_temp)
    unplug(tmp_path / "old")
    here = sent_video(bob, clips.h264_mp4(), title="Here")
    assert [work(), work()] == ["completed", "nothing to do"]
    here.refresh_from_db()
    assert here.is_ready
    assert Job.objects.get(video=elsewhere).attempts == 0


def test_enrichment_does_not_give_way_to_what_nobody_here_can_encode(
    bob: User, tmp_path: Path
) -> None:
    kept_video(bob, clips.h264_mp4(), is_enriched=False)
    away = make_video(uploader=bob, status="PENDING", source_root="temp-2", source_key="u/a.mp4")
    Job.objects.create(video=away, kind=JobKind.ENCODE, run_after=timezone.now() - jobs.LEASE)
    make_root("temp-2", tmp_path / "old", kind="temp")
    assert is_encode_waiting()
    unplug(tmp_path / "old")
    assert not is_encode_waiting()
    assert process_next_job(SLOW) == "completed"


@pytest.mark.parametrize("root", one_in(3, ["temp", "videos", "originals"]))
def test_a_job_whose_disk_goes_away_is_given_back_and_not_failed(
    bob: User, media: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = sent_video(bob, clips.hevc_mp4())
    assert process_next_job() == "to be encoded"
    transcode = publish.process

    def unplug_first(*args: Any, **kwargs: Any) -> None:
        unplug(media / root)
        transcode(*args, **kwargs)

    monkeypatch.setattr(attempt, "process", unplug_first)
    assert process_next_job(SLOW) == "given back"
    monkeypatch.undo()
    video.refresh_from_db()
    job = Job.objects.get()
    assert (job.state, job.failures, job.losses) == (JobState.WAITING, 0, 0)
    assert job.run_after > timezone.now()
    assert (video.is_unfinished, video.error_message) == (True, None)
    assert files_below(media / root) == [], "nothing is made where the disk was"
    plug_in(media / root)
    assert video.source_file.is_file()
    assert work() == "completed"


def status(client: Client, address: str) -> int:
    """The status of an answer that is read to its end."""
    answer = client.get(address)
    list(answer)
    return answer.status_code


# -- what is shown --------------------------------------------------------------------------------


def test_a_video_is_503_while_its_disk_is_away_and_404_when_its_file_is_gone(
    client: Client, bob: User, media: Path
) -> None:
    video = kept_video(bob, clips.h264_mp4(), is_enriched=False)
    names = ("stream.mp4", "download/", "source.mp4", "source.m3u8", "master.m3u8", "thumbnail.jpg")
    addresses = [f"/v/{video.short_id}/{name}" for name in names]
    assert [status(client, address) for address in addresses] == [200] * 6
    for root in ("videos", "thumbnails"):
        unplug(media / root)
    playback._indexes.clear()
    for address in addresses:
        answer = client.get(address)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60"), address
    assert client.get(f"/v/{video.short_id}/").status_code == 200
    for root in ("videos", "thumbnails"):
        plug_in(media / root)
    video.file_path.unlink()
    assert client.get(addresses[0]).status_code == 404


def test_health_says_so(client: Client, bob: User, media: Path) -> None:
    assert client.get("/healthz").status_code == 200
    unplug(media / "originals")
    assert client.get("/healthz").status_code == 503
    plug_in(media / "originals")
    assert client.get("/healthz").status_code == 200


def test_a_former_root_that_no_row_names_is_no_reason_to_be_ill(
    bob: User, media: Path, tmp_path: Path
) -> None:
    make_root("videos-2", tmp_path / "old")
    video = make_video(uploader=bob, storage_root="videos-2")
    unplug(tmp_path / "old")
    assert set(missing_roots()) == {"videos-2"}
    Video.objects.filter(pk=video.pk).update(storage_root="videos")
    assert missing_roots() == {}


def test_avatars_covers_and_thumbnails_are_refused_with_a_sentence(bob: User, media: Path) -> None:
    picture = clips.cover().read_bytes()
    video = make_video(uploader=bob, width=640, height=360)
    unplug(media)
    with pytest.raises(PictureError, match="storage isn't available"):
        set_avatar(user=bob, picture=io.BytesIO(picture))
    with pytest.raises(PictureError, match="storage isn't available"):
        store_cover(category=make_category("Music"), webp=b"webp")
    with pytest.raises(PictureError, match="storage isn't available"):
        set_uploaded_thumbnail(video=video, picture=io.BytesIO(picture))
    assert list(media.iterdir()) == []


def test_samples_are_refused_with_a_sentence(media: Path) -> None:
    StorageRoot.objects.update(marked_at=timezone.now())
    unplug(media / "videos")
    with pytest.raises(SampleDataError, match="storage isn't available"):
        seed_sample_data(say=lambda _: None)
    assert list((media / "videos").iterdir()) == []


# -- sweeping -------------------------------------------------------------------------------------


def test_nothing_is_swept_in_a_folder_of_another_site(
    bob: User, media: Path, tmp_path: Path
) -> None:
    video = kept_video(bob, clips.h264_mp4(), is_enriched=False)
    stray = media / "videos" / f"{video.pk.hex}-stray.mp4"
    failed = sent_video(bob, clips.h264_mp4(), title="Failed")
    Job.objects.filter(video=failed).delete()
    Video.objects.filter(pk=failed.pk).update(
        processing_status=ProcessingStatus.FAILED,
        error_message="The disk was full.",
    )
    theirs = media / "temp" / f"upload-{uuid4().hex}"
    theirs.mkdir()
    for path in (stray, theirs / "source.mp4"):
        path.write_bytes(b"theirs")
    os.utime(theirs, (0, 0))
    Config.objects.update(site_id=uuid4())
    before = sorted(media.rglob("*"))
    later = timezone.now() + timedelta(minutes=5)
    assert (sweep_temp(), sweep_strays(now=later, spared=may_be_adopted), work_off_removals()) == (
        0,
        0,
        0,
    )
    assert sorted(media.rglob("*")) == before


# -- new roots ------------------------------------------------------------------------------------


def test_the_roots_of_a_new_site_are_made_and_marked_once(media: Path) -> None:
    for marker in media.rglob(MARKER):
        marker.unlink()
    (media / "originals").rmdir()
    StorageRoot.objects.all().delete()
    assert set(mark_new_roots()) == {"videos", "thumbnails", "originals", "temp", "images"}
    assert missing_roots() == {}
    unplug(media / "temp")
    assert mark_new_roots() == [], "an empty folder may be where its disk belongs"
    assert set(missing_roots()) == {"temp"}


def test_a_folder_that_holds_something_or_that_rows_name_is_not_taken(
    bob: User, media: Path
) -> None:
    for marker in media.rglob(MARKER):
        marker.unlink()
    StorageRoot.objects.update(marked_at=None)
    (media / "temp" / "letter.txt").touch()
    make_video(uploader=bob, storage_root="videos")
    assert set(mark_new_roots()) == {"thumbnails", "originals"}
    assert set(missing_roots()) == {"videos", "temp", "images"}


# -- the same rows elsewhere ----------------------------------------------------------------------

TAKE_A_JOB = """
from videos.services.processing.attempt import process_next_job
print(process_next_job())
"""


def on_another_host(media: Path, tmp_path: Path, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", TAKE_A_JOB],
        cwd=ROOT,
        env=live.environment(media, tmp_path / "static", **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


@pytest.mark.django_db(transaction=True)
def test_a_worker_with_other_paths_does_the_work_and_one_without_the_disk_leaves_it(
    bob: User, media: Path, tmp_path: Path
) -> None:
    keep_new_videos_in(tmp_path / "disk")
    video = sent_video(bob, clips.h264_mp4())
    (tmp_path / "host-b").symlink_to(tmp_path, target_is_directory=True)
    b = tmp_path / "host-b"
    without = f"videos-2={tmp_path}/not-there"
    assert on_another_host(b / "media", tmp_path, STORAGE_ROOTS=without) == "nothing to do"
    assert Job.objects.get().attempts == 0
    there = f"videos-2={b}/disk"
    assert on_another_host(b / "media", tmp_path, STORAGE_ROOTS=there) == "completed"
    video.refresh_from_db()
    assert (video.storage_root, video.file_path.parent) == ("videos-2", tmp_path / "disk")
    assert video.file_path.is_file()


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """By path, what shows whether a file was changed."""
    return {
        str(it): (it.stat().st_ino, it.stat().st_mtime_ns, it.read_bytes())
        for it in folder.rglob("*")
        if it.is_file()
    }


def test_a_moved_site_plays_everything_and_goes_on(
    client: Client, bob: User, media: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.BASE_DIR = tmp_path
    keep_new_videos_in(media / "more")
    video = ready_video(bob, clips.hevc_mp4())
    waiting = sent_video(bob, clips.h264_mp4(), title="Waiting")
    set_avatar(user=bob, picture=io.BytesIO(clips.cover().read_bytes()))
    moved = tmp_path / "renamed"
    moved.mkdir()
    media.rename(moved / "media")
    move_settings(settings, moved)
    addresses = [f"/v/{video.short_id}/{name}" for name in ("stream.mp4", "thumbnail.jpg")]
    addresses += [f"/v/{video.short_id}/download/", "/profile/bob/avatar.webp", "/healthz"]
    assert [status(client, address) for address in addresses] == [200] * 5
    assert video.original_file.is_file()
    assert process_next_job() == "completed"
    waiting.refresh_from_db()
    assert waiting.file_path.parent == moved / "media" / "more"
    assert not media.exists()


def test_a_rehearsal_reads_and_writes_below_its_own_folders_only(
    client: Client, bob: User, media: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.BASE_DIR = tmp_path
    keep_new_videos_in(media / "more")
    video = ready_video(bob, clips.h264_mp4())
    sent_video(bob, clips.h264_mp4(), title="Waiting")
    copy = tmp_path / "copy"
    shutil.copytree(media, copy / "media")
    live_site = tree(media)
    move_settings(settings, copy)
    upload = tus_client.create(client, len(CONTENT))
    assert tus_client.append(client, upload["Location"], 0, CONTENT).status_code == 204
    assert process_next_job() == "completed"
    set_avatar(user=bob, picture=io.BytesIO(clips.cover().read_bytes()))
    video.delete()
    run_queue()
    look_after_jobs()
    tidy_up()
    seed_sample_data(reset=True, source=clips.h264_mp4(), say=lambda _: None)
    assert tree(media) == live_site
    assert str(media) not in " ".join(tree(copy))


def move_settings(settings: Settings, project: Path) -> None:
    """Sets the paths that clipset.settings would have in another project folder."""
    settings.BASE_DIR = project
    settings.MEDIA_ROOT = project / "media"
    for name, folder in FOLDERS.items():
        setattr(settings, name, project / "media" / folder)
