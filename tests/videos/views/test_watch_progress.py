"""What a player tells, and where the next one begins."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from pytest_django.asserts import assertTemplateUsed

from tests.builders import count_queries, make_user, make_video
from videos.models import View, WatchProgress
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User
    from videos.models import Video

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(client: Client) -> User:
    member = make_user("alice")
    client.force_login(member)
    return member


def tell(client: Client, video: Video, **data: object) -> int:
    return client.post(reverse("video_view", args=[video.short_id]), data).status_code


def begins_at(client: Client, video: Video, query: str = "") -> int:
    page = client.get(video.get_absolute_url() + query)
    start: int = page.context["watch"].player.start
    return start


def test_the_next_page_begins_where_this_one_stopped(client: Client, alice: User) -> None:
    video = make_video(duration_seconds=100)
    assert begins_at(client, video) == 0
    assert tell(client, video, at="40.9", watched="12") == 204
    assert begins_at(client, video) == 40
    assert b"data-resumed" in client.get(video.get_absolute_url()).content


@pytest.mark.parametrize(("query", "start"), [("?t=7", 7), ("?t=1:10", 70), ("?t=0", 0)])
def test_the_address_says_better_where_to_begin(
    client: Client, alice: User, query: str, start: int
) -> None:
    video = make_video(duration_seconds=100)
    tell(client, video, at="40", watched="12")
    assert begins_at(client, video, query) == start
    assert b"data-resumed" not in client.get(video.get_absolute_url() + query).content


def test_what_is_told_counts_the_view_and_keeps_the_place(client: Client, alice: User) -> None:
    video = make_video(duration_seconds=100)
    assert tell(client, video, at="31", watched="30.0") == 204
    assert View.objects.get().member == alice
    assert tell(client, video, at="100", watched="99", ended="yes") == 204
    assert View.objects.count() == 1
    assert WatchProgress.objects.get().is_finished


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"at": "1"},
        {"at": "nan", "watched": "1"},
        {"at": "inf", "watched": "1"},
        {"at": "-1", "watched": "1"},
        {"at": "1e99", "watched": "1"},
        {"at": "40", "watched": "\x00"},
    ],
)
def test_nonsense_is_refused(client: Client, alice: User, data: dict[str, str]) -> None:
    assert tell(client, make_video(), **data) == 422
    assert not WatchProgress.objects.exists()


def test_telling_takes_few_queries_once_the_view_is_counted(client: Client, alice: User) -> None:
    """It is asked every few seconds by every player that plays."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    video = make_video()
    tell(client, video, at="40", watched="40")
    with CaptureQueriesContext(connection) as queries:
        tell(client, video, at="50", watched="50")
    asked = [it["sql"] for it in queries if "SAVEPOINT" not in it["sql"]]
    assert len(asked) <= 6, asked


def test_home_asks_once_for_what_was_begun(client: Client, alice: User) -> None:
    videos = [make_video(duration_seconds=100) for _ in range(3)]
    before = count_queries(client, "/")
    for video in videos:
        tell(client, video, at="40", watched="1")
    assert count_queries(client, "/") == before
    assert "Continue watching" in client.get("/").content.decode()
    assert "Continue watching" not in client.get("/?sort=views&q=x").content.decode()


def policy_of(answer: Any) -> dict[str, str]:
    parts = answer["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


def test_only_the_pages_with_a_player_permit_styles_of_scripts(client: Client, alice: User) -> None:
    usual = policy_of(client.get("/"))
    assert usual["style-src"] == usual["script-src"] == "'self'"
    more = usual | {"style-src": "'self' 'unsafe-inline'"}
    video = make_video(uploader=alice)
    issued = create_guest_link(video=video, created_by=alice, lifetime=timedelta(days=1))
    for path in (video.get_absolute_url(), f"/s/{issued.token}/"):
        assert policy_of(client.get(path)) == more


def test_a_guests_page_has_the_same_player(client: Client) -> None:
    video = make_video()
    issued = create_guest_link(
        video=video, created_by=video.uploaded_by, lifetime=timedelta(days=1)
    )
    page = client.get(f"/s/{issued.token}/")
    assertTemplateUsed(page, "videos/watch/player.html")
    assert "data-resumed" not in page.text
    assert "data-login" not in page.text
