"""The trash on a database or a disk that fails, and without some of its files: nothing is lost but
what was to be deleted, and whoever asked is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services.trash import restore_member, trash_members
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry
from tests.builders import live_for, make_admin, make_user
from tests.full_database import full_database
from tests.videos.services.test_files import video_with_files
from tests.videos.stored_videos import everything_on_disk
from videos.models import Removal, Video
from videos.services.deletions import delete_marked_rows, request_deletions
from videos.services.removing import ROOT_MISSING, work_off_removals
from videos.services.search_index import index_videos
from videos.services.trash import trash_video

if TYPE_CHECKING:
    from tests.disks import Disk

pytestmark = pytest.mark.django_db

UNDO = "/admin/siteconfig/auditentry/undo/"
REMOVALS = "/admin/videos/removal/"


def logged_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def trash_member(member: User, *, by: User) -> AuditEntry:
    with acting(lambda: Actor(by.pk, by.username, Source.ADMIN, is_staff=True)):
        trash_members(users=[member], by=by)
    return AuditEntry.objects.get(action="member.trash")


def work() -> None:
    while delete_marked_rows():
        pass


def rows() -> dict[str, list[Any]]:
    return {
        "User": list(User.objects.order_by("pk").values()),
        "Video": list(Video.objects.order_by("pk").values()),
    }


def trashed_with_files(user: User, *stems: str) -> None:
    for stem in stems:
        trash_video(video=video_with_files(user, stem), by=user)


def empty(by: User) -> None:
    """Has a worker delete for good what is in the trash, and remove its files."""
    request_deletions(videos=Video.objects.in_trash(), requested_by=by, for_good=True)
    work()
    work_off_removals()


def due_again() -> None:
    Removal.objects.update(next_try_at=timezone.now(), taken_until=None)


def files_of(stem: str) -> set[str]:
    names = (f"originals/{stem}.mov", f"temp/upload-{stem}/source.mov")
    return {*names, f"thumbnails/{stem}.jpg", f"videos/{stem}.mp4"}


# -- a database that is full ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [90, pytest.param(500, marks=pytest.mark.long)])
def test_a_member_is_restored_whole_once_the_disk_has_room(
    count: int, long_transactions: list[str]
) -> None:
    root, bob = make_admin("root"), make_user("bob")
    text = "What a light! " * 30  # so that the index of the search needs new pages
    videos = Video.objects.bulk_create(
        Video(
            title=f"Harbour {number}",
            description=text,
            filename=f"{number}.mp4",
            storage_root="videos",
            original_filename="a.mp4",
            file_size_bytes=1,
            uploaded_by=bob,
            processing_status="COMPLETED",
        )
        for number in range(count)
    )
    for first in range(0, count, 50):
        index_videos([video.pk for video in videos[first : first + 50]])
    before, client = rows()["Video"], logged_in(root)
    entry = trash_member(bob, by=root)
    work()
    trashed = rows()
    with full_database():
        answer = client.post(UNDO, {"entry": entry.pk})
        assert answer.status_code == 503
        assert "disk is full" in answer.text
        assert rows() == trashed
    assert client.post(UNDO, {"entry": entry.pk}).status_code == 302
    with full_database(), pytest.raises(OperationalError, match="full"):
        work()
    assert User.objects.get(pk=bob.pk).is_moving
    work()
    assert rows()["Video"] == before
    assert not User.objects.filter(is_moving=True).exists()
    long_transactions.clear()  # fifty long descriptions enter the index of the search at once


# -- a media folder that is read-only or away -----------------------------------------------------


def test_a_read_only_disk_holds_back_files_and_no_undo(disk: Disk) -> None:
    root, bob = make_admin("root"), make_user("bob")
    video = video_with_files(bob, "kept")
    trashed_with_files(bob, "a", "b")
    with disk.read_only():
        entry = trash_member(bob, by=root)
        work()
        logged_in(root).post(UNDO, {"entry": entry.pk})
        assert list(Video.objects.outside_trash()) == [video]
        empty(by=root)
        assert list(Video.objects.all()) == [video]
        assert set(everything_on_disk()) == files_of("a") | files_of("b") | files_of("kept")
        page = logged_in(root).get(REMOVALS).text
        assert "Read-only file system" in page
        assert {one.last_error for one in Removal.objects.all()} == {"Read-only file system"}
    due_again()
    work_off_removals()
    assert set(everything_on_disk()) == files_of("kept")
    assert not Removal.objects.exists()


def test_emptying_the_trash_while_the_disk_is_away_loses_no_request(disk: Disk) -> None:
    root, bob = make_admin("root"), make_user("bob")
    video = video_with_files(bob, "kept")
    trashed_with_files(bob, "a", "b")
    disk.unmount()
    empty(by=root)
    assert list(Video.objects.all()) == [video]
    assert {one.last_error for one in Removal.objects.all()} == {ROOT_MISSING}
    assert Removal.objects.count() == 8
    disk.mount_again()
    due_again()
    work_off_removals()
    assert set(everything_on_disk()) == files_of("kept")


# -- files that are missing -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "missing"),
    [
        *(("by an admin", name) for name in sorted(files_of("a"))),
        ("after its days", "videos/a.mp4"),
        ("with its uploader", "videos/a.mp4"),
    ],
)
def test_a_missing_file_takes_no_others_along(how: str, missing: str) -> None:
    """Neither those of videos that stay, nor does it hold back those of the trash."""
    live_for(40)
    root, bob, alice = make_admin("root"), make_user("bob"), make_user("alice")
    media = Path(django_settings.MEDIA_ROOT)
    video_with_files(alice, "kept")
    trashed_with_files(alice, "still-there")
    trashed_with_files(bob, "a", "b")
    (media / missing).unlink()
    if how == "by an admin":
        request_deletions(videos=bob.videos.in_trash(), requested_by=root, for_good=True)
    else:
        long_ago = timezone.now() - timedelta(days=31)
        if how == "with its uploader":
            trash_members(users=[bob], by=root)
            work()
            User.objects.filter(pk=bob.pk).update(trashed_at=long_ago)
        Video.objects.filter(uploaded_by=bob).update(trashed_at=long_ago)
    work()
    work_off_removals()
    assert {video.uploaded_by for video in Video.objects.all()} == {alice}
    assert Video.objects.count() == 2
    assert set(everything_on_disk()) == files_of("kept") | files_of("still-there")
    assert not Removal.objects.exists()


def test_a_member_whose_files_are_missing_is_restored_and_loses_no_row() -> None:
    root, bob = make_admin("root"), make_user("bob")
    for stem in ("a", "b"):
        video_with_files(bob, stem)
    before = rows()["Video"]
    trash_members(users=[bob], by=root)
    work()
    for name in files_of("a"):
        (Path(django_settings.MEDIA_ROOT) / name).unlink()
    restore_member(user=bob, by=root)
    work()
    work_off_removals()
    assert rows()["Video"] == before
    assert set(everything_on_disk()) == files_of("b")
    address = Video.objects.get(filename="a.mp4").get_absolute_url()
    assert logged_in(bob).get(address).status_code == 200
