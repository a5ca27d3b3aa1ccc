"""Reserving and settling quota: announced, received and charged bytes."""

from __future__ import annotations

import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DataError, IntegrityError
from django.utils import timezone

from accounts.services.quota import reset_quota
from clipset.lib.refusals import RefusedError
from tests.builders import make_playlist, make_user, make_video
from tests.full_database import full_database
from tests.videos.stored_videos import assert_nothing_is_left, set_limits, used, wake_ups
from videos.models import Job, Playlist, Upload, Video
from videos.services.playlists import discard_playlist
from videos.services.uploads.create import (
    FORM_LIFETIME,
    FORM_OVERHEAD,
    TOUCH_EVERY,
    VideoDetails,
    begin_upload,
    check_kind,
    create_upload,
    touch_upload,
)
from videos.services.uploads.expire import end_upload
from videos.services.uploads.finish import finish_upload

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def arrived(upload: Upload, size: int) -> Path:
    path = upload.folder_path / "source.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(size))
    return path


def finish(upload: Upload, size: int, **fields: Any) -> Video:
    name = fields.pop("original_filename", "a.mp4")
    words = VideoDetails(**{"title": "A", **fields})
    return finish_upload(
        upload=upload, path=arrived(upload, size), size=size, original_filename=name, details=words
    )


def test_what_is_promised_is_reserved_and_what_came_is_charged(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=1500)
    assert used(bob) == 1500
    video = finish(upload, 1000)
    assert used(bob) == video.quota_bytes == video.file_size_bytes == 1000
    assert video.quota_reserved_at == upload.quota_reserved_at
    assert not Upload.objects.exists()


def test_what_failed_in_the_database_leaves_nothing(bob: User) -> None:
    """One transaction: a violated constraint undoes the settling and the task."""
    upload = begin_upload(user=bob, content_length=1500)
    with pytest.raises((IntegrityError, DataError)):
        finish(upload, 1000, title="t" * 201)
    assert Upload.objects.get() == upload
    assert used(bob) == 1500
    assert (Video.objects.count(), Job.objects.count(), wake_ups()) == (0, 0, [])
    assert end_upload(upload=upload)
    assert_nothing_is_left(bob)


def test_a_member_who_was_deactivated_while_the_file_came_gets_no_video(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=1500)
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(RefusedError, match="deactivated"):
        finish(upload, 1000)
    assert not Video.objects.exists()
    assert end_upload(upload=upload), "it is left to whoever began it"


def test_what_came_already_is_not_counted_twice_against_the_disk(
    bob: User, settings: Settings
) -> None:
    """The disk has just enough room for the rest of one upload and for another one."""
    size = 64 * 1024**2
    first = begin_upload(user=bob, content_length=size)
    arrived(first, size)
    first.touched_at -= TOUCH_EVERY
    touch_upload(first, written=size)
    free = shutil.disk_usage(settings.TEMP_STORAGE_PATH).free
    settings.MIN_FREE_DISK_BYTES = free - size - size // 2
    begin_upload(user=bob, content_length=size)
    settings.MIN_FREE_DISK_BYTES = free - size // 2
    with pytest.raises(RefusedError, match="disk"):
        begin_upload(user=bob, content_length=size)


def test_a_video_is_finished_once(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=1500)
    video = finish(upload, 1000)
    with pytest.raises(RefusedError, match="timed out"):
        finish_upload(
            upload=upload,
            path=video.source_file,
            size=1000,
            original_filename="a.mp4",
            details=VideoDetails(title="A"),
        )
    assert not end_upload(upload=upload)
    assert used(bob) == 1000
    assert video.source_file.exists()


def test_ending_twice_gives_back_once(bob: User) -> None:
    other = begin_upload(user=bob, content_length=100)
    upload = begin_upload(user=bob, content_length=1000)
    assert end_upload(upload=upload)
    assert not end_upload(upload=upload)
    assert used(bob) == 100
    assert Upload.objects.get() == other


def test_the_forms_own_bytes_do_not_make_a_file_that_fits_be_refused(bob: User) -> None:
    set_limits(week=10 * FORM_OVERHEAD)
    upload = begin_upload(user=bob, content_length=10 * FORM_OVERHEAD + 700)
    finish(upload, 10 * FORM_OVERHEAD)
    assert used(bob) == 10 * FORM_OVERHEAD
    with pytest.raises(RefusedError) as refused:
        finish(begin_upload(user=bob, content_length=700), 1)
    assert refused.value.status == 413


def test_what_another_upload_took_meanwhile_is_not_taken_twice(bob: User) -> None:
    set_limits(week=2 * FORM_OVERHEAD)
    first = begin_upload(user=bob, content_length=2 * FORM_OVERHEAD + 10)  # half of the quota
    assert used(bob) == FORM_OVERHEAD + 10
    second = begin_upload(user=bob, content_length=FORM_OVERHEAD - 10)
    finish(second, FORM_OVERHEAD - 100)
    with pytest.raises(RefusedError, match="Not enough weekly quota"):
        finish(first, 2 * FORM_OVERHEAD)
    assert end_upload(upload=first)
    assert used(bob) == FORM_OVERHEAD - 100


def test_a_reset_during_an_upload_leaves_no_negative_counter(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=1500)
    reset_quota(users=[bob.pk])
    finish(upload, 1000)
    assert used(bob) == 0


def test_an_upload_over_sunday_gives_nothing_back_from_the_new_week(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=1500)
    last_week = timezone.now() - timedelta(days=8)
    Upload.objects.update(quota_reserved_at=last_week)
    upload.refresh_from_db()
    bob.weekly_upload_bytes, bob.last_upload_reset = 300, timezone.now()
    bob.save()
    end_upload(upload=upload)
    assert used(bob) == 300


def test_touching_keeps_a_reservation_alive_but_not_with_every_byte(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=10)
    first = Upload.objects.get()
    touch_upload(upload, written=5)
    assert Upload.objects.get().expires_at == first.expires_at
    assert Upload.objects.get().offset_bytes == 0
    upload.touched_at -= TOUCH_EVERY
    touch_upload(upload, written=5)
    assert Upload.objects.get().offset_bytes == 5
    left = Upload.objects.get().expires_at - timezone.now()
    assert FORM_LIFETIME - timedelta(seconds=5) < left <= FORM_LIFETIME


def test_touching_what_is_gone_brings_nothing_back(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=10)
    end_upload(upload=upload)
    upload.touched_at -= TOUCH_EVERY
    touch_upload(upload, written=5)
    assert not Upload.objects.exists()


def test_a_deactivated_member_reserves_nothing(bob: User) -> None:
    bob.is_active = False
    bob.save()
    with pytest.raises(RefusedError):
        begin_upload(user=bob, content_length=10)
    assert used(bob) == 0


@pytest.mark.parametrize(
    "name",
    [
        *("a.mp4", "a.MP4", "a.b.Mov", ".x.webm", "video.avi", "video.mkv"),
        # The same containers by other names.
        *("a.m4v", "a.3gp", "IMG_1.QT"),
        # Judged by their contents.
        *("mp4", ".mp4", "a.", "video", "1000000034", "VID 2026.05"),
    ],
)
def test_kinds_that_are_taken(name: str) -> None:
    check_kind(name)


@pytest.mark.parametrize(
    "name",
    [
        "a.exe",
        "a.mp4.exe",
        "a.mp4 ",
        "",
        "a.mp4\u200b",
        "a.m3u8",
        "a.ts",
        "a.wmv",
        "a.flv",
        "a.mpg",
    ],
)
def test_kinds_that_are_not(name: str) -> None:
    with pytest.raises(RefusedError, match="This file type isn't supported"):
        check_kind(name)


def test_the_operator_says_which_kinds_are_taken(settings: Settings) -> None:
    settings.ACCEPTED_VIDEO_FORMATS = ["webm"]
    check_kind("a.webm")
    with pytest.raises(RefusedError, match=r"Use \.webm\."):
        check_kind("a.mp4")
    settings.ACCEPTED_VIDEO_FORMATS = ["mp4", "ts"]
    check_kind("a.ts")
    check_kind("a.m4v")
    with pytest.raises(RefusedError):
        check_kind("a.qt")


@pytest.mark.parametrize("length", [255, 256, 300, 5000])
def test_long_names_are_stored_as_far_as_there_is_room(bob: User, length: int) -> None:
    upload = begin_upload(user=bob, content_length=10)
    video = finish(upload, 10, original_filename="n" * (length - 4) + ".mp4")
    video.refresh_from_db()
    assert len(video.original_filename) == 255
    assert video.original_filename.endswith("n.mp4")


@pytest.mark.django_db(transaction=True)
def test_a_database_without_room_refuses_an_upload_with_507_and_keeps_it_until_it_expires(
    transactional_db: None,
) -> None:
    bob = make_user("bob")
    upload = begin_upload(user=bob, content_length=1000)
    with full_database():
        with pytest.raises(RefusedError, match="disk is too full") as refused:
            finish(upload, 1000, description="x" * 5000)
        assert refused.value.status == 507
    assert not Video.objects.exists()
    assert Upload.objects.filter(pk=upload.pk).exists()
    assert end_upload(upload=upload)
    assert not upload.folder_path.exists()


def test_a_playlist_is_taken_back_only_by_its_maker_and_only_while_nothing_goes_into_it(
    bob: User,
) -> None:
    playlist = make_playlist(made_by=bob)
    discard = partial(discard_playlist, short_id=playlist.short_id)
    assert not discard(user=make_user())
    words = VideoDetails(title="A", playlist=playlist)
    upload = create_upload(user=bob, size=5, filename="a.mp4", details=words)
    assert not discard(user=bob)
    end_upload(upload=upload)
    entry = playlist.entries.create(video=make_video(), position=0)
    assert not discard(user=bob)
    assert Playlist.objects.get() == playlist
    entry.delete()
    assert discard(user=bob)
    assert not Playlist.objects.exists()
    assert not discard(user=bob)
