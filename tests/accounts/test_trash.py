"""Members in the trash: what of theirs is hidden, and that all of it comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.test import Client
from django.utils import timezone

from accounts.models import Role, Session, User
from accounts.services.invitations import issue_invitation
from accounts.services.members import activate_member
from accounts.services.trash import restore_member, trash_members
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry, Config
from tests.builders import (
    live_for,
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Comment, Notification, Playlist, SearchDocument, Video
from videos.selectors.comments import comment_section
from videos.selectors.directory import directory_page
from videos.services.comments import write_comment
from videos.services.deletions import delete_marked_rows
from videos.services.guest_links import create_guest_link
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist
from videos.services.trash import restore_video, trash_video
from videos.services.uploads.create import VideoDetails, create_upload

pytestmark = pytest.mark.django_db


def all_rows(*, without: tuple[type[models.Model], ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Every row of the site's tables of members, categories and videos."""
    names = ("accounts", "categories", "videos")
    found = (model for name in names for model in apps.get_app_config(name).get_models())
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in found
        if model not in without
    }


def furnish(bob: User, alice: User, *, videos: int) -> Video:
    """Gives bob videos, a category, a playlist, and a thread on a video by alice, which is
    returned."""
    music = make_category("Music", created_by=bob)
    for number in range(videos):
        video = make_video(f"Harbour {number}", uploader=bob, category=music)
    set_like(video=video, member=alice, liked=True)
    write_comment(video=video, author=alice, text="At 0:10!")
    playlist = make_playlist("Summer", made_by=bob)
    add_to_playlist(playlist=playlist, video=video, user=bob)
    add_to_playlist(playlist=make_playlist("Alice's", made_by=alice), video=video, user=alice)
    other = make_video("Of alice", uploader=alice)
    said = write_comment(video=other, author=bob, text="First, at 0:20")
    write_comment(video=other, author=alice, text="Second", reply_to=said)
    write_comment(video=other, author=bob, text="Third", reply_to=said)
    return other


def work() -> None:
    while delete_marked_rows():
        pass


@pytest.mark.parametrize("videos", [3, pytest.param(500, marks=pytest.mark.long)])
def test_a_member_is_restored_row_by_row(videos: int) -> None:
    root, bob, alice = make_admin("root"), make_user("bob"), make_user("alice")
    furnish(bob, alice, videos=videos)
    trash_video(video=Video.objects.get(title="Harbour 0"), by=bob)
    before = all_rows(without=(Session, SearchDocument))
    documents = set(SearchDocument.objects.values_list("video", "words"))
    trash_members(users=[bob], by=root)
    work()
    assert Video.objects.outside_trash().count() == 1, "that of alice"
    assert Video.objects.filter(was_trashed_with_member=True).count() == videos - 1
    assert SearchDocument.objects.count() == 1
    restore_member(user=bob, by=root)
    work()
    assert all_rows(without=(Session, SearchDocument)) == before
    assert set(SearchDocument.objects.values_list("video", "words")) == documents
    assert Video.objects.in_trash().get().title == "Harbour 0", "it was there before"


def test_nobody_sees_what_is_of_a_member_in_the_trash() -> None:
    root, bob, alice = make_admin("root"), make_user("bob"), make_user("alice")
    other = furnish(bob, alice, videos=2)
    assert Notification.objects.visible_to(alice).exists()
    trash_members(users=[bob], by=root)
    work()
    client = Client()
    client.force_login(alice)
    playlist = Playlist.objects.get(title="Summer")
    for path in ("/profile/bob/", playlist.get_absolute_url(), "/profile/bob/avatar.webp"):
        assert client.get(path).status_code == 404
    assert "Harbour" not in client.get("/").text
    assert [card.username for card in directory_page("", after="").members] == ["alice", "root"]
    assert not Notification.objects.visible_to(alice).exists()
    section = comment_section(other, viewer=alice, focus=None)
    (thread,) = section.page.threads
    assert (thread.card.state, section.count, section.markers) == ("deleted", "1", [])
    assert [card.comment.text for card in thread.replies] == ["Second"]
    page = client.get(other.get_absolute_url()).text
    assert "First, at" not in page
    assert "Third" not in page
    reply = f"{other.get_absolute_url()}comments/{thread.card.comment.pk}/reply/"
    assert client.get(reply).status_code == 404


def test_what_was_open_of_a_member_in_the_trash_is_closed_until_they_are_restored() -> None:
    """Guest links, and requests of uploads: those that are under way, in test_finish.py."""
    root, bob = make_admin(), make_user("bob")
    video = make_video(uploader=bob)
    link = create_guest_link(video=video, created_by=bob, lifetime=timedelta(days=1))
    details = VideoDetails(title="Sea")
    upload = create_upload(user=bob, size=9, filename="sea.mp4", details=details)
    guest, client = Client(), Client()
    client.force_login(bob)
    tus = {"Tus-Resumable": "1.0.0"}
    address = f"/uploads/{upload.pk}/"
    assert guest.get(f"/s/{link.token}/").status_code == 200
    assert client.head(address, headers=tus).status_code == 200
    trash_members(users=[bob], by=root)
    assert guest.get(f"/s/{link.token}/").status_code == 404
    assert guest.get(f"/s/{link.token}/thumbnail.jpg").status_code == 404
    assert client.head(address, headers=tus).status_code == 401
    patch = {**tus, "Upload-Offset": "0"}
    content = "application/offset+octet-stream"
    answer = client.patch(address, b"sea", content_type=content, headers=patch)
    assert answer.status_code == 401
    assert client.post("/uploads/", headers={**tus, "Upload-Length": "9"}).status_code == 401
    restore_member(user=bob, by=root)
    assert guest.get(f"/s/{link.token}/").status_code == 200
    client.force_login(bob)
    assert client.head(address, headers=tus).status_code == 200


def test_a_member_in_the_trash_is_kept_out_and_reserves_name_and_address() -> None:
    root, bob = make_admin("root"), make_user("bob")
    client = Client()
    client.force_login(bob)
    trash_members(users=[bob], by=root)
    assert "/login/" in client.get("/")["Location"]
    assert not Session.objects.filter(user=bob).exists()
    with pytest.raises(ValidationError, match="in the trash"):
        activate_member(user=bob)
    with pytest.raises(ValidationError, match="belongs to a member in the trash"):
        issue_invitation(email=bob.email, role=Role.USER, created_by=root)
    with pytest.raises(ValidationError, match="username is taken"):
        User(username="BOB", email="another@example.org", password="x").full_clean()


def test_who_was_deactivated_before_still_is_after_it() -> None:
    root, bob = make_admin("root"), make_user("bob", is_active=False)
    trash_members(users=[bob], by=root)
    assert not restore_member(user=bob, by=root).is_active
    bob.refresh_from_db()
    assert (bob.trashed_at, bob.trashed_by, bob.was_active) == (None, None, True)


def test_each_act_is_logged_once() -> None:
    root, bob = make_admin("root"), make_user("bob")
    with acting(lambda: Actor(root.pk, "root", Source.ADMIN, is_staff=True)):
        assert trash_members(users=[bob], by=root, reason="Left us") == 1
        assert trash_members(users=[bob], by=root) == 0
        restore_member(user=bob, by=root)
        restore_member(user=bob, by=root)
    entries = AuditEntry.objects.order_by("pk").values_list("action", "reason", "member_id")
    assert list(entries) == [("member.trash", "Left us", bob.pk), ("member.restore", "", bob.pk)]


def test_only_an_admin_restores_a_member() -> None:
    bob = make_user("bob")
    trash_members(users=[bob], by=make_admin())
    with pytest.raises(ValidationError, match="Only an admin"):
        restore_member(user=bob, by=make_moderator())


def test_the_last_admin_stays_and_nobody_trashes_themselves() -> None:
    root = make_admin("root")
    other = make_admin("other", is_active=False)
    for by, users in ((root, [root]), (other, [root])):
        with pytest.raises(ValidationError):
            trash_members(users=users, by=by)
    assert not User.objects.exclude(trashed_at=None).exists()


def test_a_video_that_went_with_its_uploader_comes_back_with_them_only() -> None:
    root, bob = make_admin("root"), make_user("bob")
    video = make_video(uploader=bob)
    trash_members(users=[bob], by=root)
    with pytest.raises(ValidationError, match="Restore the member"):
        restore_video(video=video, by=root)
    assert Video.objects.get().is_trashed


def test_after_their_days_a_member_is_deleted_with_everything_but_categories() -> None:
    live_for(40)
    oldest, root = make_admin("oldest"), make_admin("root")
    bob, alice = make_user("bob"), make_user("alice")
    furnish(bob, alice, videos=3)
    trash_members(users=[bob], by=root)
    work()
    assert User.objects.filter(pk=bob.pk).exists()
    User.objects.filter(pk=bob.pk).update(trashed_at=timezone.now() - timedelta(days=31))
    Video.objects.filter(uploaded_by=bob).update(trashed_at=timezone.now() - timedelta(days=31))
    work()
    assert not User.objects.filter(pk=bob.pk).exists()
    assert Video.objects.get().uploaded_by == alice
    assert not Comment.objects.filter(text="First, at 0:20").exists()
    assert root.categories.get().name == "Music"
    assert not oldest.categories.exists()


def test_a_member_who_is_being_deleted_is_not_restored() -> None:
    live_for(40)
    root, bob = make_admin("root"), make_user("bob")
    trash_members(users=[bob], by=root)
    User.objects.filter(pk=bob.pk).update(deleting_since=timezone.now())
    with pytest.raises(ValidationError, match="being deleted"):
        restore_member(user=bob, by=root)


def test_without_days_members_are_deleted_at_once() -> None:
    Config.objects.update(trash_days=0)
    root, bob = make_admin("root"), make_user("bob")
    make_video(uploader=bob)
    assert trash_members(users=[bob], by=root) == 1
    assert not User.objects.filter(pk=bob.pk).exists()
    assert not Video.objects.exists()


def test_many_members_are_moved_by_a_worker_and_restored_halfway() -> None:
    root = make_admin("root")
    members = [make_user() for _ in range(2)]
    for member in members:
        make_video(uploader=member)
    trash_members(users=members, by=root)
    assert not Video.objects.in_trash().exists()
    restore_member(user=members[0], by=root)
    work()
    assert Video.objects.in_trash().get().uploaded_by == members[1]
    assert not User.objects.filter(is_moving=True).exists()
