"""Deleting on the site, Undo, the page of a video in the trash, and the trash itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from siteconfig.models import AuditEntry
from tests.builders import (
    count_queries,
    make_admin,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Video, WatchProgress
from videos.services.comments import write_comment
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist
from videos.services.trash import trash_video
from videos.services.watch_progress import save_position

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def trashed(uploader: User, title: str = "Harbour", **fields: object) -> Video:
    video = make_video(title, uploader=uploader, **fields)  # type: ignore[arg-type]
    trash_video(video=video, by=uploader)
    return Video.objects.get(pk=video.pk)


def test_a_deletion_asks_and_can_be_undone(bob: User) -> None:
    video, client = make_video("Harbour", uploader=bob), logged_in(bob)
    asked = client.get(f"/v/{video.short_id}/delete/").text
    assert "moves to the trash for 30 days" in asked
    assert 'name="reason"' not in asked
    page = client.post(f"/v/{video.short_id}/delete/", follow=True).text
    assert "moved to the" in page
    assert f'action="/v/{video.short_id}/restore/"' in page
    assert Video.objects.get().is_trashed
    restored = client.post(f"/v/{video.short_id}/restore/", follow=True)
    assert restored.redirect_chain == [(video.get_absolute_url(), 302)]
    assert "“Harbour” restored" in restored.text
    assert not Video.objects.get().is_trashed


def test_undo_is_offered_for_ten_minutes_and_to_who_may_restore(bob: User) -> None:
    video = trashed(bob)
    address = f"/profile/bob/?trashed={video.short_id}"
    assert "Undo" in logged_in(bob).get(address).text
    assert "Undo" not in logged_in(make_user()).get(address).text
    Video.objects.update(trashed_at=timezone.now() - timedelta(minutes=11))
    assert "Undo" not in logged_in(bob).get(address).text


def test_staff_give_a_reason_for_the_log(bob: User) -> None:
    video, client = make_video(uploader=bob), logged_in(make_moderator("mod"))
    address = f"/v/{video.short_id}/delete/"
    assert 'name="reason"' in client.get(address).text
    assert client.post(address, {"reason": "x" * 201}).status_code == 422
    assert not Video.objects.get().is_trashed
    client.post(address, {"reason": "Not ours"})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.reason) == ("video.trash", "mod", "Not ours")


def test_its_page_has_a_band_and_offers_nothing_else(bob: User) -> None:
    alice = make_user("alice")
    video = make_video("Harbour", uploader=bob)
    write_comment(video=video, author=alice, text="What a light!")
    make_video("Another", uploader=bob)
    trash_video(video=video, by=bob)
    until = timezone.now() + timedelta(days=30)
    page = logged_in(bob).get(video.get_absolute_url()).text
    assert f"In the trash until {until:%-d %B}." in page
    assert "Restore" in page
    for other in ("Delete for good", "What a light", "/share/", "/edit/", "/like/", "Another"):
        assert other not in page
    assert "Delete for good" not in logged_in(make_moderator()).get(video.get_absolute_url()).text
    assert "Delete for good" in logged_in(make_admin()).get(video.get_absolute_url()).text
    assert logged_in(alice).get(video.get_absolute_url()).status_code == 404


def test_an_unfinished_video_says_that_its_processing_waits(bob: User) -> None:
    video, client = trashed(bob, status="PENDING"), logged_in(bob)
    page = client.get(video.get_absolute_url()).text
    assert "Processing is paused in" in page
    assert "hx-get" not in page, "nothing polls"
    answer = client.get(f"/v/{video.short_id}/status/", headers={"HX-Request": "true"})
    assert (answer.content, answer["HX-Refresh"]) == (b"", "true")


@pytest.mark.parametrize("who", ["uploader", "moderator", "member"])
def test_no_list_shows_it(bob: User, who: str) -> None:
    """Not even to those who may open its page."""
    viewer = {"uploader": lambda: bob, "moderator": make_moderator, "member": make_user}[who]()
    video = make_video("Harbour", uploader=bob, status="COMPLETED")
    failed = make_video("Harbour too", uploader=bob, status="FAILED")
    playlist = make_playlist(made_by=viewer)
    add_to_playlist(playlist=playlist, video=video, user=viewer)
    set_like(video=video, member=viewer, liked=True)
    save_position(video=video, member=viewer, seconds=40, ended=False)
    for one in (video, failed):
        trash_video(video=one, by=bob)
    client = logged_in(viewer)
    for path in (
        *("/", "/?sort=views", "/?q=harbour", "/categories/", "/profile/bob/", "/liked/"),
        *("/playlists/", playlist.get_absolute_url(), "/notices/", "/users/"),
        f"/unfinished/?video={failed.short_id}.0",
    ):
        page = client.get(path).text
        assert "Harbour" not in page, path
        assert "1 video" not in page, path


def test_a_report_of_the_player_saves_nothing(bob: User) -> None:
    video = trashed(bob)
    answer = logged_in(bob).post(f"/v/{video.short_id}/view/", {"at": "40", "watched": "40"})
    assert answer.status_code == 204
    assert not WatchProgress.objects.exists()


def test_an_admin_is_asked_before_a_video_is_deleted_for_good(bob: User) -> None:
    video = trashed(bob, file_size_bytes=1024**3, stored_bytes=1024**3)
    client = logged_in(make_admin())
    address = f"/v/{video.short_id}/delete-for-good/"
    asked = client.get(address).text
    assert "1 GB of files" in asked
    assert "0 comments" in asked
    answer = client.post(address, follow=True)
    assert answer.redirect_chain == [("/trash/", 302)]
    assert "“Harbour” deleted for good" in answer.text
    assert not Video.objects.exists()


def test_the_trash_lists_ones_own_with_the_days_that_are_left(bob: User) -> None:
    trashed(bob, file_size_bytes=1024**3, stored_bytes=1024**3)
    trashed(make_user("alice"), "Not bob's")
    client = logged_in(bob)
    page = client.get("/trash/").text
    for shown in ("Harbour", "29 days left", "1 GB", "Only an admin can delete", "Restore"):
        assert shown in page
    for hidden in ("Not bob's", "Delete for good", "Everyone's trash"):
        assert hidden not in page
    assert "Everyone's trash" in logged_in(make_moderator()).get("/trash/").text
    before = count_queries(client, "/trash/")
    for number in range(3):
        trashed(bob, f"More {number}")
    assert count_queries(client, "/trash/") == before
