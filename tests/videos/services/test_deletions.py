"""Deletions of many rows in batches by workers, requested from pages that stay small."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.services import members
from accounts.services.members import activate_member, delete_members
from accounts.services.trash import restore_member, trash_members
from siteconfig.models import AuditEntry, Config
from tests.builders import (
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from tests.videos.stored_videos import wake_ups
from videos.models import Comment, PlaylistEntry, Removal, Video, VideoDeletion
from videos.services import deletions
from videos.services.deletions import (
    _delete_marked,
    _trash_marked,
    delete_marked_rows,
    request_deletions,
)
from videos.services.trash import restore_video
from videos.tasks import look_after_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db

VIDEOS = reverse("admin:videos_video_changelist")
USERS = reverse("admin:accounts_user_changelist")
MAX_PAGE_BYTES = 40_000


# Days in the trash, what the question says, and the message after it.
DELETED_MEMBERS = [
    (30, "Into the trash for 30 days", "moved to the trash"),
    (0, "Their videos and all files will be deleted", "deleted"),
]


def make_many(count: int, user: User, *, first: int = 0, **fields: Any) -> None:
    """Rows without files, quickly."""
    Video.objects.bulk_create(
        [
            Video(
                title=f"Video {number}",
                filename=f"{user.pk.hex}-{number}.mp4",
                storage_root="/nowhere",
                original_filename="clip.mp4",
                file_size_bytes=1000,
                uploaded_by=user,
                processing_status="COMPLETED",
                duration_seconds=1,
                **fields,
            )
            for number in range(first, first + count)
        ],
        batch_size=1000,
    )


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def all_of(address: str, **sent: str) -> dict[str, str]:
    """The form of the list when all pages are selected."""
    first = Video.objects.values_list("pk", flat=True).first()
    return {
        "action": "delete_selected",
        "index": "0",
        "select_across": "1",
        "_selected_action": str(first),
        **sent,
    }


def test_the_page_that_asks_names_twenty_of_hundreds_and_takes_as_many_queries() -> None:
    bob, client = make_user("bob"), logged_in(make_moderator())
    sizes, queries = [], []
    for more in (150, 300):
        make_many(more, make_user())
        client.get(VIDEOS)
        with CaptureQueriesContext(connection) as seen:
            page = client.post(VIDEOS, all_of(VIDEOS))
        queries.append(len(seen))
        sizes.append(len(page.content))
    assert "450 videos" in page.text
    assert "and 430 more" in page.text
    assert page.text.count("/change/") == 20
    assert queries[0] == queries[1]
    assert max(sizes) < MAX_PAGE_BYTES
    assert bob.videos.count() == 0


def test_selected_videos_are_marked_and_deleted_by_a_worker_in_batches() -> None:
    Config.objects.update(trash_days=0)
    make_many(250, make_user())
    client = logged_in(make_moderator("mod"))
    asked = client.post(VIDEOS, all_of(VIDEOS))
    assert 'name="expected" value="250"' in asked.text
    confirmed = all_of(VIDEOS, post="yes", expected="250")
    answer = client.post(VIDEOS, confirmed, follow=True)
    assert "250 videos will be deleted" in answer.text
    assert VideoDeletion.objects.count() == 250
    assert "Being deleted" in client.get(VIDEOS).text
    assert wake_ups() == ["videos.tasks.delete_marked_rows"]
    with CaptureQueriesContext(connection) as queries:
        delete_marked_rows(seconds=0)
    assert Video.objects.count() == 200, "one batch"
    entries = AuditEntry.objects.filter(action="video.delete", actor_name="mod", source="admin")
    assert entries.count() == 50
    assert len([one for one in queries if one["sql"].startswith('DELETE FROM "videos"')]) == 1
    assert delete_marked_rows(seconds=60) == 200
    assert not VideoDeletion.objects.exists()
    assert Removal.objects.count() == 250


def test_selected_videos_go_into_the_trash_in_batches() -> None:
    make_many(120, make_user())
    client = logged_in(make_moderator("mod"))
    asked = client.post(VIDEOS, all_of(VIDEOS)).text
    assert "Into the trash for 30 days" in asked
    assert "can't be undone" not in asked
    confirmed = all_of(VIDEOS, post="yes", expected="120")
    answer = client.post(VIDEOS, confirmed, follow=True)
    assert "120 videos will be moved to the trash in the background." in answer.text
    assert delete_marked_rows(seconds=0) == 50, "one batch"
    assert Video.objects.in_trash().count() == 50
    assert delete_marked_rows() == 70
    assert Video.objects.in_trash().count() == 120
    assert AuditEntry.objects.filter(actor_name="mod", action="video.trash").count() == 120
    assert not Removal.objects.exists()


def test_a_selection_that_has_changed_is_asked_about_again() -> None:
    make_many(120, make_user())
    client = logged_in(make_moderator())
    make_video()
    answer = client.post(VIDEOS, all_of(VIDEOS, post="yes", expected="120"))
    assert "has changed in the meantime" in answer.text
    assert 'value="121"' in answer.text
    assert not VideoDeletion.objects.exists()


@pytest.mark.parametrize(("days", "note", "done"), DELETED_MEMBERS)
@pytest.mark.parametrize("count", [2, 101])  # in one transaction, and in batches
def test_selected_members_go_into_the_trash_or_for_good(
    days: int, note: str, done: str, count: int
) -> None:
    Config.objects.update(trash_days=days)
    client = logged_in(make_admin("alice"))
    bobs = [User(username=f"bob{n}", email=f"bob{n}@example.org") for n in range(count)]
    User.objects.bulk_create(bobs)
    video = make_video(uploader=bobs[0])
    sent = {"action": "delete_selected", "index": "0", "_selected_action": [b.pk for b in bobs]}
    asked = client.post(USERS, sent).text
    assert note in asked
    for fact in (f"Members</dt><dd>{count}", "Videos</dt><dd>1", "Guest links</dt><dd>0"):
        assert fact in asked
    answer = client.post(USERS, {**sent, "post": "yes", "expected": str(count)}, follow=True)
    assert f"{count} members {done}." in answer.text
    assert User.objects.exclude(trashed_at=None).count() == (count if days else 0)
    assert Video.objects.filter(pk=video.pk).exists() == bool(days)


def test_a_member_with_many_videos_is_kept_out_at_once_and_deleted_in_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "MAX_ROWS_AT_ONCE", 20)
    monkeypatch.setattr(deletions, "MAX_BATCH", 20)
    Config.objects.update(trash_days=0)
    alice, bob = make_admin("alice"), make_user("bob")
    make_many(50, bob)
    category = make_category(created_by=bob)
    other = make_video()
    for number in range(30):
        Comment.objects.create(video=other, author=bob, text=f"{number}")
    client = logged_in(alice)
    address = reverse("admin:accounts_user_delete", args=[bob.pk])
    assert "50 videos" in client.get(address).text
    answer = client.post(address, {"post": "yes"}, follow=True)
    assert "bob is deactivated and is being deleted." in answer.text
    assert "Being deleted, 50 videos left" in client.get(USERS).text
    bob.refresh_from_db()
    assert not bob.is_active
    with pytest.raises(ValidationError, match="being deleted"):
        activate_member(user=bob)
    category.refresh_from_db()
    assert category.created_by == alice
    delete_marked_rows(seconds=0)
    assert bob.videos.count() == 30, "a batch; then the worker is free for others"
    assert wake_ups().count("videos.tasks.delete_marked_rows") >= 1
    while User.objects.filter(pk=bob.pk).exists():
        assert delete_marked_rows(seconds=0)
    assert Video.objects.get() == other
    assert not Comment.objects.exists()
    assert delete_marked_rows() == 0


def test_what_a_killed_worker_left_goes_on_with_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_ROWS_AT_ONCE", 5)
    alice, bob = make_admin(), make_user("bob")
    make_many(10, bob)
    delete_members(users=[bob], heir=alice)
    from django_q.models import OrmQ

    OrmQ.objects.all().delete()
    look_after_jobs()
    assert wake_ups() == ["videos.tasks.delete_marked_rows"]


def test_a_category_of_many_videos_is_asked_about_in_a_short_page() -> None:
    category = make_category("Music")
    make_many(300, make_user(), category=category)
    address = reverse("admin:categories_category_delete", args=[category.pk])
    client = logged_in(make_moderator())
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(address)
    assert len(page.content) < MAX_PAGE_BYTES
    assert "Music: 300 videos" in page.text
    assert len(queries) < 15


def test_what_hangs_on_a_thing_is_counted_and_not_listed() -> None:
    playlist, uploader = make_playlist("Long"), make_user()
    make_many(60, uploader)
    PlaylistEntry.objects.bulk_create(
        PlaylistEntry(playlist=playlist, video=video, position=number)
        for number, video in enumerate(Video.objects.all())
    )
    address = reverse("admin:videos_playlist_delete", args=[playlist.pk])
    page = logged_in(make_moderator()).get(address)
    assert "<dt>Places of videos</dt><dd>60</dd>" in page.text
    assert len(page.content) < MAX_PAGE_BYTES


@pytest.mark.long  # a hundred thousand rows
def test_a_hundred_thousand_videos_ask_for_little_memory_and_go_in_short_transactions(
    long_transactions: list[str],
) -> None:
    import time

    uploader = make_user()
    for first in range(0, 100_000, 1000):
        make_many(1000, uploader, first=first)
    long_transactions.clear()  # about the rows that were just created
    client = logged_in(make_moderator())
    client.get(VIDEOS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    page = client.post(VIDEOS, all_of(VIDEOS))
    asked = time.monotonic()
    client.post(VIDEOS, all_of(VIDEOS, post="yes", expected="100000"))
    marked = time.monotonic()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest: Sequence[float] = [_timed() for _ in range(5)]
    print(
        f"page {len(page.content)} bytes in {asked - began:.2f} s, marked in"
        f" {marked - asked:.2f} s, {(after - before) / 1024:.0f} MB more, a batch of"
        f" {deletions.MAX_BATCH} in {max(slowest):.2f} s at most"
    )
    assert len(page.content) < MAX_PAGE_BYTES
    assert after - before < 150 * 1024  # KB
    assert VideoDeletion.objects.count() == 100_000 - 5 * deletions.MAX_BATCH


def _timed() -> float:
    import time

    began = time.monotonic()
    delete_marked_rows(seconds=0)
    return time.monotonic() - began


def test_a_worker_leaves_alone_what_was_restored_since_it_read_the_marks() -> None:
    member, admin = make_user(), make_admin()
    video = make_video(uploader=member)
    trash_members(users=[member], by=admin)
    request_deletions(videos=Video.objects.all(), requested_by=admin, for_good=True)
    marks = list(VideoDeletion.objects.all())
    restore_member(user=member, by=admin)
    _delete_marked(marks)
    assert Video.objects.filter(pk=video.pk).exists()


def test_a_second_worker_does_not_trash_what_was_restored_after_the_first() -> None:
    video, admin = make_video(), make_admin()
    request_deletions(videos=Video.objects.all(), requested_by=admin)
    marks = list(VideoDeletion.objects.all())
    _trash_marked(marks)
    restore_video(video=video, by=admin)
    _trash_marked(marks)
    assert Video.objects.outside_trash().filter(pk=video.pk).exists()
