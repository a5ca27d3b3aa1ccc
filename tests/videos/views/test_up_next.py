"""Watching a video in a playlist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.builders import count_queries, make_playlist, make_user, make_video
from videos.selectors.up_next import AFTER, BEFORE, UpNext

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Playlist, Video

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def filled(maker: User, *videos: Video) -> Playlist:
    playlist = make_playlist("Summer", made_by=maker)
    for place, video in enumerate(videos):
        playlist.entries.create(video=video, position=place)
    return playlist


def address(video: Video, playlist: Playlist) -> str:
    return f"/v/{video.short_id}/?playlist={playlist.short_id}"


def queue_of(client: Client, path: str) -> UpNext:
    answer = client.get(path)
    assert answer.status_code == 200
    found = answer.context["watch"].up_next
    assert isinstance(found, UpNext)
    return found


def titles(queue: UpNext) -> dict[str, str | None]:
    return {
        name: card.title if card else None
        for name, card in (
            ("previous", queue.previous),
            ("next", queue.next),
            ("start", queue.start),
        )
    }


def test_the_queue_marks_the_current_one_and_links_to_those_beside_it(
    bob: User, client: Client
) -> None:
    one, two, three = (make_video(title) for title in ("One", "Two", "Three"))
    playlist = filled(make_user(), one, two, three)
    answer = client.get(address(two, playlist))
    queue = answer.context["watch"].up_next
    assert [card.title for card in queue.cards] == ["One", "Two", "Three"]
    assert (queue.number, queue.count, queue.current) == (2, 3, two.short_id)
    text = answer.content.decode()
    assert text.count('aria-current="true"') == 1
    assert f'<a class="icon-button" href="{address(three, playlist)}" rel="next"' in text
    assert f'<a class="icon-button" href="{address(one, playlist)}" rel="prev"' in text
    assert "clip-up-next.js" in text
    assert "More like this" not in text


def test_next_skips_what_cannot_be_played_and_after_the_last_comes_the_first(
    bob: User, client: Client
) -> None:
    waits = make_video("Waits", uploader=bob, status="PENDING")
    one, two, three = (make_video(title) for title in ("One", "Two", "Three"))
    failed = make_video("Failed", uploader=bob, status="FAILED")
    playlist = filled(bob, waits, one, failed, two, three, make_video("Hidden", is_hidden=True))
    beside = {
        video.title: titles(queue_of(client, address(video, playlist)))
        for video in (waits, one, two, three)
    }
    assert beside == {
        "Waits": {"previous": None, "next": "One", "start": "One"},
        "One": {"previous": None, "next": "Two", "start": None},
        "Two": {"previous": "One", "next": "Three", "start": "One"},
        "Three": {"previous": "Two", "next": None, "start": "One"},
    }
    queue = queue_of(client, address(one, playlist))
    assert [card.title for card in queue.cards] == ["Waits", "One", "Failed", "Two", "Three"]
    others = Client()
    others.force_login(make_user())
    queue = queue_of(others, address(two, playlist))
    assert [card.title for card in queue.cards] == ["One", "Two", "Three"]
    assert (queue.number, queue.count) == (2, 3)


def test_without_such_a_playlist_the_video_plays_alone(bob: User, client: Client) -> None:
    video = make_video("One")
    make_video("Another", uploader=video.uploaded_by)
    elsewhere = filled(bob, make_video("Two"))
    for query in (f"playlist={elsewhere.short_id}", "playlist=0000000000", "list=%00", "playlist="):
        answer = client.get(f"/v/{video.short_id}/?{query}")
        assert answer.status_code == 200
        assert answer.context["watch"].up_next is None
        assert "More like this" in answer.content.decode()
        assert "clip-up-next.js" not in answer.content.decode()


def test_of_a_long_playlist_only_what_is_near_is_shown(bob: User, client: Client) -> None:
    """Also where all that is near can't be played, and at no cost by its length."""
    videos = [make_video(f"{number}", uploader=bob) for number in range(BEFORE + 2 * AFTER + 4)]
    playlist = filled(bob, *videos)
    at = BEFORE + AFTER
    queue = queue_of(client, address(videos[at], playlist))
    assert [card.title for card in queue.cards] == [
        str(number) for number in range(at - BEFORE, at + AFTER + 1)
    ]
    assert (queue.first, queue.number, queue.count) == (at - BEFORE + 1, at + 1, len(videos))
    assert queue.later == len(videos) - (at + AFTER + 1) == 3
    for video in videos[at - BEFORE : at] + videos[at + 1 : at + AFTER + 1]:
        type(video).objects.filter(pk=video.pk).update(processing_status="PENDING")
    assert titles(queue_of(client, address(videos[at], playlist))) == {
        "previous": str(at - BEFORE - 1),
        "next": str(at + AFTER + 1),
        "start": "0",
    }


def test_the_queue_costs_as_many_queries_for_one_video_as_for_thirty(
    bob: User, client: Client
) -> None:
    video = make_video(uploader=bob)
    one = filled(bob, video)
    many = filled(
        bob, *(make_video() for _ in range(15)), video, *(make_video() for _ in range(15))
    )
    counts = {count_queries(client, address(video, it)) for it in (one, many)}
    assert len(counts) == 1


def test_a_like_without_scripts_leads_back_into_the_playlist(bob: User, client: Client) -> None:
    video = make_video("One")
    playlist = filled(bob, video)
    action = f"/v/{video.short_id}/like/?playlist={playlist.short_id}"
    assert f'action="{action}"' in client.get(address(video, playlist)).content.decode()
    answer = client.post(action, {"liked": "yes"})
    assert (answer.status_code, answer["Location"]) == (302, address(video, playlist))
    answer = client.post(f"/v/{video.short_id}/like/?playlist=//evil.example", {"liked": "no"})
    assert answer["Location"] == f"/v/{video.short_id}/"
