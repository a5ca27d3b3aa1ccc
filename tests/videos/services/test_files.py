"""Files of deleted rows, and sweeps of files that no row needs."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone

from tests.builders import live_for, make_admin, make_category, make_user, make_video
from tests.folders import entries
from tests.videos.stored_videos import everything_on_disk, run_queue, set_aside_files
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
from videos.services.details import delete_video
from videos.services.files import MIN_AGE, sweep_strays, sweep_temp
from videos.services.processing.adopt import may_be_adopted
from videos.services.processing.work_folders import work_folder
from videos.services.uploads.create import begin_upload
from videos.services.uploads.expire import end_expired_uploads
from videos.tasks import remove_files, tidy_up

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


def video_with_files(user: User, stem: str = "video", **fields: object) -> Video:
    """A video with every kind of file."""
    root = Path(django_settings.MEDIA_ROOT)
    paths = {
        "processed": root / "videos" / f"{stem}.mp4",
        "thumbnail": root / "thumbnails" / f"{stem}.jpg",
        "original": root / "originals" / f"{stem}.mov",
        "source": root / "temp" / f"upload-{stem}" / "source.mov",
    }
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    given: dict[str, object] = {
        "filename": f"{stem}.mp4",
        "thumbnail_filename": f"{stem}.jpg",
        "thumbnail_root": "thumbnails",
        "original_root": "originals",
        "original_key": f"{stem}.mov",
        "source_root": "temp",
        "source_key": f"upload-{stem}/source.mov",
        **fields,
    }
    return make_video(uploader=user, **given)  # type: ignore[arg-type]


def temp() -> Path:
    return Path(django_settings.TEMP_STORAGE_PATH)


def age(path: Path, by: timedelta) -> None:
    moment = (timezone.now() - by).timestamp()
    os.utime(path, (moment, moment))


# -- deleting -------------------------------------------------------------------------------------


def test_a_deleted_video_takes_all_its_files_along() -> None:
    bob = make_user("bob")
    video = video_with_files(bob)
    other = video_with_files(bob, "other")
    delete_video(video=video)
    assert Removal.objects.count() == 4
    assert len(everything_on_disk()) == 8, "the worker removes them, not the request"
    run_queue()
    assert everything_on_disk() == sorted(
        [
            "originals/other.mov",
            "temp/upload-other/source.mov",
            "thumbnails/other.jpg",
            "videos/other.mp4",
        ]
    )
    assert not (temp() / "upload-video").exists()
    assert Video.objects.get() == other


def test_files_stay_when_the_deletion_is_taken_back() -> None:
    video = video_with_files(make_user("bob"))

    def delete_and_fail() -> None:
        with transaction.atomic():
            video.delete()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        delete_and_fail()
    assert not Removal.objects.exists()
    assert Video.objects.count() == 1


def test_a_deleted_video_gives_no_quota_back() -> None:
    bob = make_user("bob", weekly_upload_bytes=1000)
    delete_video(video=video_with_files(bob, quota_bytes=1000, quota_reserved_at=timezone.now()))
    bob.refresh_from_db()
    assert bob.weekly_upload_bytes == 1000


def test_a_deleted_member_takes_their_videos_and_files_along() -> None:
    bob, alice = make_user("bob"), make_user("alice")
    video_with_files(bob, "one")
    video_with_files(bob, "two")
    video_with_files(alice, "hers")
    bob.delete()
    assert Removal.objects.count() == 8
    run_queue()
    assert len(everything_on_disk()) == 4
    assert Video.objects.get().uploaded_by == alice


def test_many_videos_deleted_at_once_take_their_files_along() -> None:
    """As by the admin's bulk action."""
    bob = make_user("bob")
    for stem in ("one", "two", "three"):
        video_with_files(bob, stem)
    Video.objects.filter(uploaded_by=bob).delete()
    run_queue()
    assert everything_on_disk() == []


def test_a_deleted_category_leaves_its_videos_and_files() -> None:
    category = make_category("Music", created_by=make_admin("root_"))
    video = video_with_files(make_user("bob"), category=category)
    category.delete()
    run_queue()
    video.refresh_from_db()
    assert video.category is None
    assert len(everything_on_disk()) == 4


def test_what_stood_in_the_queue_before_the_table_came_is_removed() -> None:
    """Twice, and with a file that never existed."""
    video = video_with_files(make_user("bob"))
    never = video.file_path.with_name("never.mp4")
    paths = [str(video.source_file), str(video.file_path), str(never), "/elsewhere/never.mp4"]
    key = str(video.pk)
    video.delete()
    Removal.objects.all().delete()
    for _ in range(2):
        remove_files(key, paths)
        run_queue()
    assert everything_on_disk() == ["originals/video.mov", "thumbnails/video.jpg"]


def test_what_was_published_between_the_reading_of_a_row_and_its_deletion_goes_too() -> None:
    seen = video_with_files(make_user("bob"), status=ProcessingStatus.PENDING)
    stem = f"{seen.pk.hex}-abc"
    for name in (f"videos/{stem}.mp4", f"thumbnails/{stem}.jpg", f"originals/{stem}.mov"):
        (temp().parent / name).write_bytes(b"x")
    Video.objects.filter(pk=seen.pk).update(
        filename=f"{stem}.mp4", thumbnail_filename=f"{stem}.jpg"
    )
    seen.delete()
    run_queue()
    assert not [path for path in everything_on_disk() if stem in path]


def test_files_that_a_row_names_again_are_spared() -> None:
    """Sample videos have the same filenames each time they are made."""
    bob = make_user("bob")
    gone = video_with_files(bob)
    gone.delete()
    again = video_with_files(bob, source_key="", thumbnail_filename=None)
    run_queue()
    assert everything_on_disk() == ["originals/video.mov", "videos/video.mp4"]
    again.delete()
    run_queue()
    assert everything_on_disk() == []


def test_a_waiting_video_without_a_root_removes_its_source_alone() -> None:
    video = video_with_files(
        make_user("bob"),
        storage_root="",
        thumbnail_filename=None,
        original_key="",
        status=ProcessingStatus.PENDING,
    )
    video.delete()
    run_queue()
    assert everything_on_disk() == [
        "originals/video.mov",
        "thumbnails/video.jpg",
        "videos/video.mp4",
    ]


# -- sweeping -------------------------------------------------------------------------------------


def test_only_what_nobody_needs_is_swept_from_temp() -> None:
    bob = make_user("bob")
    upload = begin_upload(user=bob, content_length=10)
    video = video_with_files(bob, status=ProcessingStatus.PENDING)
    running = Job.objects.create(
        video=video, state=JobState.RUNNING, lease_owner="x", lease_until=timezone.now()
    )
    needed = [upload.folder_path, video.source_file.parent, temp() / f"job-{running.pk}"]
    stale = [temp() / f"upload-{'d' * 32}", temp() / "job-99999"]
    fresh, foreign = temp() / f"upload-{'e' * 32}", temp() / "family-photos"
    for folder in [*needed, *stale, fresh, foreign]:
        folder.mkdir(exist_ok=True)
    for path in [*needed, *stale, foreign]:
        age(path, MIN_AGE + timedelta(minutes=1))
    (stale[0] / "source.mp4").write_bytes(b"of an upload that an older database does not know")
    age(stale[0], MIN_AGE + timedelta(minutes=1))
    assert sweep_temp() == 2
    assert set_aside_files() == [f"temp/{stale[0].name}"]
    left = [*needed, fresh, foreign]
    assert {path.name for path in entries(temp())} == {path.name for path in left}
    assert sweep_temp() == 0


def test_a_finished_jobs_folder_is_swept() -> None:
    job = Job.objects.create(video=make_video(), state=JobState.DONE)
    folder = temp() / f"job-{job.pk}"
    folder.mkdir()
    age(folder, MIN_AGE + timedelta(minutes=1))
    assert sweep_temp() == 1


def test_what_killed_attempts_left_in_temp_goes_at_once_and_a_running_one_stays() -> None:
    """The job's row decides, not the age, so that gigabytes of a killed worker do not stay."""
    running, waiting, ended = (
        Job.objects.create(
            video=make_video(),
            state=state,
            attempts=2,
            lease_owner=owner,
            lease_until=timezone.now() if owner else None,
        )
        for state, owner in (
            (JobState.RUNNING, "b" * 32),
            (JobState.WAITING, ""),
            (JobState.FAILED, ""),
        )
    )
    kept = work_folder(running)
    gone = [kept.with_name(f"000001-{'a' * 32}")]
    gone += [temp() / f"job-{job.pk}" / f"000002-{'c' * 32}" for job in (waiting, ended)]
    for folder in [kept, *gone]:
        folder.mkdir(parents=True)
        (folder / "720p.mp4").write_bytes(b"x")
    sweep_temp()
    assert list(temp().rglob("*.mp4")) == [kept / "720p.mp4"]
    assert [path.name for path in entries(temp())] == [kept.parent.name]


def test_a_source_that_nobody_names_is_set_aside_within_minutes() -> None:
    orphan = temp() / f"upload-{'d' * 32}"
    orphan.mkdir()
    assert sweep_temp() == 0
    age(orphan, timedelta(minutes=1, seconds=1))
    assert sweep_temp() == 1
    assert set_aside_files() == [f"temp/{orphan.name}"]


def test_the_folder_of_an_upload_whose_row_says_that_it_ended_is_removed() -> None:
    """Its disk was away when the upload ended."""
    upload = begin_upload(user=make_user("bob"), content_length=10)
    Upload.objects.update(state=UploadState.ENDED)
    upload.folder_path.mkdir()
    (upload.folder_path / "source.mp4").write_bytes(b"half")
    age(upload.folder_path, timedelta(minutes=1, seconds=1))
    assert sweep_temp() == 1
    assert sweep_temp() == 0, "a removal is asked for already"
    run_queue()
    assert (everything_on_disk(), set_aside_files()) == ([], [])


def test_what_killed_attempts_published_is_set_aside_once_nobody_works_on_the_video() -> None:
    bob = make_user("bob")
    at_work, done, gone = (make_video(uploader=bob) for _ in range(3))
    for video, state in ((at_work, JobState.RUNNING), (done, JobState.DONE)):
        holder = {"lease_owner": "x", "lease_until": timezone.now()}
        Job.objects.create(
            video=video,
            state=state,
            finished_at=timezone.now() if state == JobState.DONE else None,
            **(holder if state == JobState.RUNNING else {}),
        )
    root = Path(django_settings.MEDIA_ROOT)
    strays = [
        root / folder / f"{dot}{video.pk.hex}-{'a' * 12}{end}"
        for video in (at_work, done, gone)
        for dot, folder, end in (
            ("", "videos", "-720p.mp4"),
            (".", "videos", "-480p.mp4.77.part"),
            ("", "thumbnails", "-storyboard.jpg"),
            ("", "originals", ".mov"),
        )
    ]
    named = root / "videos" / f"{done.pk.hex}-{'b' * 12}-source.mp4"
    make_rendition(done, named)
    for path in [*strays, named]:
        path.write_bytes(b"x")
    young = timezone.now()
    assert sweep_strays(now=young, spared=may_be_adopted) == 0, (
        "whoever placed them may be about to name them"
    )
    assert sweep_strays(now=young + timedelta(minutes=2), spared=may_be_adopted) == 4
    assert [path.exists() for path in strays] == [True] * 4 + [False] * 4 + [True] * 4
    assert len(set_aside_files()) == 4
    assert named.exists()


def make_rendition(video: Video, path: Path) -> None:
    Rendition.objects.create(
        video=video,
        name="source",
        root=path.parent.name,
        filename=path.name,
        version="b" * 12,
        is_complete=True,
        width=640,
        height=360,
        fps=30,
        codecs="avc1.64001f",
        bandwidth=1,
        average_bandwidth=1,
        duration_seconds=1,
        size_bytes=1,
    )


def test_sweeping_without_a_temp_folder_is_fine() -> None:
    shutil.rmtree(temp())
    assert sweep_temp() == 0


def test_an_upload_that_went_silent_gives_back_what_it_reserved() -> None:
    bob = make_user("bob")
    kept = begin_upload(user=bob, content_length=10)
    dead = begin_upload(user=bob, content_length=1000)
    dead.folder_path.mkdir()
    (dead.folder_path / "source.mp4").write_bytes(b"half")
    Upload.objects.filter(pk=dead.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert end_expired_uploads() == 1
    assert end_expired_uploads() == 0
    assert Upload.objects.get() == kept
    assert not dead.folder_path.exists()
    bob.refresh_from_db()
    assert bob.weekly_upload_bytes == 10


def test_an_upload_that_goes_on_after_all_is_not_abandoned() -> None:
    upload = begin_upload(user=make_user("bob"), content_length=10)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    def touch_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            with connection.cursor() as cursor:
                cursor.cursor.execute("UPDATE uploads SET expires_at = '2999-01-01 00:00:00'")
        return execute(sql, *rest)

    with connection.execute_wrapper(touch_first):
        assert end_expired_uploads() == 0
    assert Upload.objects.get() == upload


def test_tidying_up_counts_all_that_was_tidied() -> None:
    live_for(8)
    upload = begin_upload(user=make_user("bob"), content_length=1)
    Upload.objects.update(state="ENDED", expires_at=timezone.now() - timedelta(days=8))
    (temp() / "job-99999").mkdir()
    age(temp() / "job-99999", MIN_AGE + timedelta(minutes=1))
    assert tidy_up() == 2
    assert not upload.folder_path.exists()
