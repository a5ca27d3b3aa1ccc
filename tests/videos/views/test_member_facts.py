"""What staff see about a member, on the profile and in the admin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from tests.builders import count_queries, make_admin, make_moderator, make_user, make_video
from videos.models import GuestLink
from videos.services.comments import write_comment
from videos.services.hiding import hide_video
from videos.services.stored_total import count_all_stored

pytestmark = pytest.mark.django_db

MB = 1024**2


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def plain(text: str) -> str:
    """The text of a page without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def furnished_member() -> User:
    bob = make_user("bob", weekly_upload_bytes=3 * MB, weekly_upload_limit_bytes=10 * MB)
    video = make_video("Concert", uploader=bob, stored_bytes=5 * MB)
    make_video(uploader=bob, status="FAILED", source_key="x", file_size_bytes=2 * MB)
    hide_video(video=make_video(uploader=bob), by=make_admin(), reason="PERSON")
    write_comment(video=video, author=bob, text="My own comment")
    count_all_stored()
    now = timezone.now()
    for number in range(2):
        GuestLink.objects.create(
            video=video,
            created_by=bob,
            token_hash=str(number),
            note="For grandma",
            expires_at=now + timedelta(days=1),
            revoked_at=now if number else None,
        )
    Client(headers={"User-Agent": "Firefox/1 Linux"}).force_login(bob)
    return bob


@pytest.mark.parametrize("place", ["profile", "admin"])
def test_a_moderator_sees_what_is_needed_and_nothing_private(place: str) -> None:
    bob = furnished_member()
    admin_page = reverse("admin:accounts_user_change", args=[bob.pk])
    client = client_of(make_moderator())
    page = client.get(bob.get_absolute_url() if place == "profile" else admin_page).text
    words = plain(page)
    for fact in (
        "3 MB of 10 MB",
        "Storage 7 MB of 40 GB" if place == "profile" else "7 MB",
        "1 hidden, 1 failed",
        "Active guest links",
    ):
        assert fact in words
    assert re.search(r"Active guest links:? 1\b", words)
    assert re.search(r"Comments:? 1\b", words)
    assert "Logged in on" in words
    assert "bob@example.org" not in page
    assert "grandma" not in page
    assert place == "admin" or admin_page in page
    assert place == "profile" or {"Concert", "My own comment"} <= set(re.findall(">([^<]*)<", page))


def test_log_ins_of_members_of_the_same_rank_are_theirs() -> None:
    other = make_moderator("other")
    client_of(other)
    for viewer, sees in ((make_moderator(), False), (make_admin(), True), (other, True)):
        client = client_of(viewer)
        for address in (
            other.get_absolute_url(),
            reverse("admin:accounts_user_change", args=[other.pk]),
        ):
            assert ("Logged in on" in client.get(address).text) == sees


def test_members_see_none_of_it_on_a_profile() -> None:
    bob = furnished_member()
    for viewer in (bob, make_user()):
        assert "For moderators" not in client_of(viewer).get(bob.get_absolute_url()).text


def test_a_profile_makes_as_many_queries_for_much_as_for_little() -> None:
    bob, client = furnished_member(), client_of(make_moderator())
    addresses = [bob.get_absolute_url(), reverse("admin:accounts_user_change", args=[bob.pk])]
    few = [count_queries(client, address) for address in addresses]
    for _ in range(8):
        write_comment(video=make_video(uploader=bob), author=bob, text="More")
    assert [count_queries(client, address) for address in addresses] == few


def test_counts_stop_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipset.database.limited.MAX_COUNTED", 2)
    bob = make_user("bob")
    for _ in range(3):
        make_video(uploader=bob, stored_bytes=MB, status="FAILED")
    words = plain(client_of(make_moderator()).get(bob.get_absolute_url()).text)
    assert "Videos 2+, 2+ failed" in words
