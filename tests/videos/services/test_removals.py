"""Removals: requested when the row ends, carried out until done, and paused during a backup."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clipset.database.clock import LEASE_SLACK
from clipset.workers import task_queue
from siteconfig.backup.runs import RUN_LEASE
from siteconfig.models import BackupRun, BackupState
from tests.builders import live_for, make_moderator, make_user, make_video
from tests.videos.services.test_files import video_with_files
from tests.videos.stored_videos import everything_on_disk, used, wake_ups
from videos.models import Job, ProcessingStatus, Removal, RemovalReason, Video
from videos.services import removing
from videos.services.details import delete_video
from videos.services.processing.attempt import REFUSED, retry_processing
from videos.services.processing.claim import claim_next_job
from videos.services.processing.jobs import reject_source
from videos.services.removals import (
    KEEP_FAILED_DAYS,
    KEEP_FAILED_SOURCE,
    LEASE,
    removals_are_at_work,
    removals_are_paused,
    request_removals,
)
from videos.services.removing import MIN_DELAY, ROOT_MISSING, work_off_removals
from videos.services.stored_files import StoredFile, stored_path
from videos.tasks import look_after_jobs

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from tests.disks import Disk

pytestmark = pytest.mark.django_db


def due_again() -> None:
    """Makes failed removals due, as after the time until the next try."""
    Removal.objects.update(next_try_at=timezone.now(), taken_until=None)


def videos_root() -> Path:
    return Path(django_settings.VIDEO_STORAGE_PATH)


def stored(name: str) -> StoredFile:
    (videos_root() / name).write_bytes(b"x")
    return StoredFile("videos", name)


# -- until done -----------------------------------------------------------------------------------


def test_a_video_deleted_on_a_read_only_disk_goes_when_it_can_be_written_again(
    disk: Disk,
) -> None:
    video = video_with_files(make_user())
    with disk.read_only():
        delete_video(video=video)
        assert work_off_removals() == 0
        assert {one.last_error for one in Removal.objects.all()} == {"Read-only file system"}
        assert len(everything_on_disk()) == 4
        assert work_off_removals() == 0, "not at once again"
        assert {one.tries for one in Removal.objects.all()} == {1}
    due_again()
    look_after_jobs()
    assert everything_on_disk() == []
    assert not Removal.objects.exists()


def test_files_on_a_disk_that_is_away_are_removed_when_it_is_back() -> None:
    video = video_with_files(make_user())
    media = Path(django_settings.MEDIA_ROOT)
    away = media.with_name("unmounted")
    delete_video(video=video)
    media.rename(away)
    for folder in ("videos", "thumbnails", "originals", "temp"):
        (media / folder).mkdir(parents=True)  # the empty mount points
    assert work_off_removals() == 0
    assert {one.last_error for one in Removal.objects.all()} == {ROOT_MISSING}
    first = Removal.objects.earliest("next_try_at").next_try_at - timezone.now()
    assert timedelta(0) < first <= MIN_DELAY
    for mount_point in media.iterdir():
        mount_point.rmdir()
    media.rmdir()
    away.rename(media)
    due_again()
    assert work_off_removals() == 4
    assert everything_on_disk() == []


def test_a_missing_file_is_done_with_when_its_root_is_there() -> None:
    keep = stored("keep.mp4")
    request_removals([StoredFile(keep.root, "never.mp4")], reason=RemovalReason.REPLACED)
    assert work_off_removals() == 1
    assert not Removal.objects.exists()


@pytest.mark.parametrize("key", ["../keep.mp4", "/etc/hostname", "a/../../keep.mp4"])
def test_a_key_that_leads_out_of_its_root_removes_nothing(key: str) -> None:
    stored("any.mp4")
    outside = videos_root().parent / "keep.mp4"
    outside.write_bytes(b"x")
    Removal.objects.create(root="videos", key=key, reason=RemovalReason.REPLACED)
    assert work_off_removals() == 0
    assert outside.exists()
    assert "not a key" in Removal.objects.get().last_error


def test_a_file_that_is_asked_for_again_while_it_is_removed_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, real = stored("a.mp4"), removing._remove
    stored("keep.mp4")
    request_removals([file], reason=RemovalReason.REPLACED)

    def again(removal: Removal) -> str:
        problem = real(removal)
        stored("a.mp4")
        request_removals([file], reason=RemovalReason.REPLACED)
        return problem

    with monkeypatch.context() as patch:
        patch.setattr(removing, "_remove", again)
        removing.remove_now([file])
        patch.setattr(removing, "MAX_SECONDS", 0)
    Removal.objects.get()
    assert work_off_removals() == 1
    assert everything_on_disk() == ["videos/keep.mp4"]


def test_a_worker_that_was_killed_in_the_middle_leaves_its_files_to_the_next() -> None:
    file = stored("a.mp4")
    request_removals([file], reason=RemovalReason.REPLACED)
    Removal.objects.update(taken_until=timezone.now() + LEASE)
    assert removals_are_at_work()
    assert work_off_removals() == 0
    Removal.objects.update(taken_until=timezone.now() - timedelta(seconds=1))
    assert work_off_removals() == 1


def test_a_lease_of_a_clock_that_was_ahead_holds_nothing_back() -> None:
    request_removals([stored("a.mp4")], reason=RemovalReason.REPLACED)
    Removal.objects.update(taken_until=timezone.now() + timedelta(days=40))
    assert not removals_are_at_work()
    assert work_off_removals() == 1


# -- many -----------------------------------------------------------------------------------------


def test_one_transaction_wakes_one_worker(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    bob = make_user("bob")
    for number in range(3):
        video_with_files(bob, f"video{number}")
    with django_capture_on_commit_callbacks(execute=True):
        bob.delete()
    assert Removal.objects.count() == 12
    assert wake_ups() == ["videos.tasks.work_off_removals"]


@pytest.mark.parametrize("number", [1, 60])
def test_a_batch_takes_as_many_queries_as_one_file(number: int) -> None:
    hexes = [f"{n:032x}" for n in range(number)]
    files = [stored(f"{one}-{'a' * 12}-720p.mp4") for one in hexes]
    request_removals(files, reason=RemovalReason.REPLACED)
    with CaptureQueriesContext(connection) as queries:
        assert work_off_removals() == number
    assert len(queries) <= 16


def test_who_has_no_time_left_lets_go_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [stored(f"{number}.mp4") for number in range(5)]
    request_removals(files, reason=RemovalReason.REPLACED)
    clock = iter([0.0, 0.0, *(float(second) for second in range(1, 100))])
    monkeypatch.setattr("videos.services.removing.time.monotonic", lambda: next(clock))
    assert work_off_removals(seconds=2.5) == 3
    left = Removal.objects.all()
    assert [(one.tries, one.taken_until) for one in left] == [(0, None)] * 2


def test_a_wake_up_that_fails_hides_no_success(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """The queue is down: the video is deleted, and the sweep removes its files."""

    def down(*_: Any, **__: Any) -> None:
        raise ConnectionError("Connection refused")

    monkeypatch.setattr(task_queue, "async_task", down)
    video = video_with_files(make_user())
    with django_capture_on_commit_callbacks(execute=True):
        delete_video(video=video)
    assert not Video.objects.exists()
    assert work_off_removals() == 4
    assert everything_on_disk() == []


# -- while a backup runs --------------------------------------------------------------------------


def test_nothing_is_removed_while_a_backup_runs() -> None:
    request_removals([stored("a.mp4")], reason=RemovalReason.REPLACED)
    run = BackupRun.objects.create(lease_until=timezone.now() + RUN_LEASE)
    assert removals_are_paused()
    assert work_off_removals() == 0
    assert Removal.objects.get().tries == 0
    run.state = BackupState.DONE
    run.save()
    assert not removals_are_paused()
    assert work_off_removals() == 1


def test_a_backup_that_begins_while_a_batch_is_taken_holds_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request_removals([stored("a.mp4")], reason=RemovalReason.REPLACED)
    answers = iter([False, True])
    monkeypatch.setattr(removing, "removals_are_paused", lambda: next(answers))
    assert work_off_removals() == 0
    assert everything_on_disk() == ["videos/a.mp4"]
    assert Removal.objects.get().taken_until is None


@pytest.mark.parametrize("ends_in", [-timedelta(seconds=1), 2 * RUN_LEASE])
def test_a_backup_that_was_killed_holds_nothing_back_for_long(ends_in: timedelta) -> None:
    """Neither does one whose lease was written by a clock that was ahead."""
    BackupRun.objects.create(lease_until=timezone.now() + ends_in)
    assert not removals_are_paused()


# -- sources of what failed -----------------------------------------------------------------------


def refused_video() -> Video:
    video = video_with_files(
        make_user("bob"),
        status=ProcessingStatus.PENDING,
        storage_root="",
        thumbnail_filename=None,
        original_root="",
        original_key="",
        file_size_bytes=1000,
    )
    Job.objects.create(video=video)
    job = claim_next_job()
    assert job is not None
    reject_source(job, sentence="This file holds no picture.")
    return Video.objects.get()


def fourteen_days_later() -> None:
    now = timezone.now()
    live_for(KEEP_FAILED_DAYS + 1)
    begun = now - timedelta(days=KEEP_FAILED_DAYS + 1)
    Removal.objects.update(created_at=begun, due_at=now, next_try_at=now)


def test_a_refused_source_goes_after_14_days_and_the_row_forgets_it() -> None:
    video = refused_video()
    source = video.source_file
    removal = Removal.objects.get()
    assert abs(removal.due_at - timezone.now() - KEEP_FAILED_SOURCE) < timedelta(minutes=1)
    assert work_off_removals() == 0
    assert source.is_file()
    fourteen_days_later()
    assert work_off_removals() == 1
    assert not source.parent.exists()
    video.refresh_from_db()
    assert (video.source_key, video.can_be_retried) == ("", False)


def test_staff_try_a_refused_video_again_and_its_uploader_does_not() -> None:
    video = refused_video()
    with pytest.raises(ValidationError, match="refused"):
        retry_processing(video=video)
    assert video.may_be_retried_by(make_moderator())
    retry_processing(video=video, by_staff=True)
    assert not Removal.objects.exists(), "in the same transaction"
    video.refresh_from_db()
    assert (video.processing_status, video.is_refused) == ("PENDING", False)
    assert used(video.uploaded_by) == 1000
    assert REFUSED.endswith(".")


def test_a_source_that_is_tried_again_as_its_time_is_over_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The retry happens after the removal was leased."""
    video = refused_video()
    fourteen_days_later()
    real = removing._forget_failed_sources

    def retry_first(batch: list[Removal]) -> None:
        retry_processing(video=video, by_staff=True)
        real(batch)

    monkeypatch.setattr(removing, "_forget_failed_sources", retry_first)
    work_off_removals()
    video.refresh_from_db()
    assert video.source_file.is_file()
    assert not Removal.objects.exists()


def test_a_refused_video_that_is_deleted_does_not_wait_14_days() -> None:
    delete_video(video=refused_video())
    work_off_removals()
    assert not [path for path in everything_on_disk() if path.startswith("temp/")]


def test_a_removal_is_only_there_when_its_transaction_was_committed() -> None:
    file = stored("a.mp4")

    def ask_and_fail() -> None:
        with transaction.atomic():
            request_removals([file], reason=RemovalReason.REPLACED)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        ask_and_fail()
    assert not Removal.objects.exists()


def test_what_a_row_names_by_now_is_kept() -> None:
    video = make_video(filename="again.mp4")
    request_removals([stored("again.mp4")], reason=RemovalReason.REPLACED)
    assert work_off_removals() == 1
    assert video.file_path.is_file()


def test_the_page_offers_another_try_to_staff_alone(client: Client) -> None:
    video = refused_video()
    address = f"/v/{video.short_id}/"
    client.force_login(video.uploaded_by)
    assert f"{address}retry/" not in client.get(address).text
    client.post(f"{address}retry/")
    assert Video.objects.get().is_failed
    client.force_login(make_moderator())
    assert f"{address}retry/" in client.get(address).text
    client.post(f"{address}retry/")
    assert Video.objects.get().is_unfinished


def test_sources_that_failed_before_the_upgrade_get_removals_of_their_own() -> None:
    old, young = (
        video_with_files(make_user(), stem, status=ProcessingStatus.FAILED)
        for stem in ("old", "young")
    )
    video_with_files(make_user(), "ready")
    then = timezone.now() - timedelta(days=20)
    Video.objects.filter(pk=old.pk).update(updated_at=then)
    migration = import_module("videos.migrations.0024_removals")
    for _ in range(2):
        migration.request_removals_of_failed_sources(apps, None)
    days = {one.key: (one.due_at - timezone.now()).days for one in Removal.objects.all()}
    assert days == {"upload-old/source.mov": 0, "upload-young/source.mov": 13}
    fourteen_days_later()
    work_off_removals()
    assert not old.source_file.exists()
    young.refresh_from_db()
    assert young.source_key == ""


def test_what_another_host_holds_is_held_though_its_clock_is_a_little_ahead() -> None:
    """The clocks of a site's hosts agree to within a minute. Otherwise this host could remove a
    file whose row is already in a backup by the other host."""
    video_with_files(make_user("bob")).delete()
    ahead = timedelta(seconds=50)
    run = BackupRun.objects.create(lease_until=timezone.now() + RUN_LEASE + ahead)
    assert removals_are_paused()
    assert work_off_removals() == 0
    run.delete()
    Removal.objects.update(taken_until=timezone.now() + LEASE + ahead)
    assert removals_are_at_work()
    assert work_off_removals() == 0
    Removal.objects.update(taken_until=timezone.now() + LEASE + 2 * LEASE_SLACK)
    assert not removals_are_at_work()
    assert work_off_removals() > 0


def test_a_file_beside_a_source_that_is_named_does_not_take_the_source_along() -> None:
    """The folder of an upload is removed with a source in it, unless a row names another file in
    it."""
    video = video_with_files(make_user("bob"))
    other = StoredFile("temp", "upload-video/older.mov")
    stored_path(*other).write_bytes(b"x")
    request_removals([other], reason=RemovalReason.PROCESSED)
    assert work_off_removals() == 1
    assert video.source_file.is_file()
