"""The page of a playlist, and making one by a form or by a script."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.builders import count_queries, make_admin, make_playlist, make_user, make_video
from videos.models import Playlist
from videos.selectors.feed import PAGE_SIZE
from videos.selectors.playlists import own_playlists
from videos.services.playlists import add_to_playlist

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Video

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    return visitor(bob)


def visitor(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def filled(maker: User, *videos: Video) -> Playlist:
    playlist = make_playlist("Summer", made_by=maker)
    for place, video in enumerate(videos):
        playlist.entries.create(video=video, position=place)
    return playlist


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


# -- looking --------------------------------------------------------------------------------------
def test_a_playlist_shows_its_videos_in_its_order_to_every_member(client: Client) -> None:
    maker = make_user("maker")
    playlist = filled(maker, make_video("Second made"), make_video("First made"))
    text = page(client, playlist.get_absolute_url())
    assert "Summer" in text
    assert 'href="/profile/maker/"' in text
    assert 0 < text.index("Second made") < text.index("First made")


def test_each_visitor_sees_of_it_what_they_may_watch(bob: User, client: Client) -> None:
    playlist = filled(
        bob,
        make_video("Bobs unfinished", uploader=bob, status="PENDING"),
        make_video("Hidden by another", is_hidden=True),
        make_video("For all"),
    )
    path = playlist.get_absolute_url()
    assert "Bobs unfinished" in page(client, path)
    assert "Hidden by another" not in page(client, path)
    others = page(visitor(make_user()), path)
    assert "Bobs unfinished" not in others
    assert "For all" in others
    assert "Hidden by another" in page(visitor(make_admin()), path)


def test_an_empty_one_says_so_and_what_to_do(bob: User, client: Client) -> None:
    path = filled(bob).get_absolute_url()
    assert "Choose it when you upload." in page(client, path)
    assert "nothing in this playlist that you can watch" in page(visitor(make_user()), path)


def test_a_long_one_is_shown_in_parts_and_nothing_is_left_out_or_shown_twice(
    bob: User, client: Client
) -> None:
    videos = [make_video(f"Film {number:02}", uploader=bob) for number in range(PAGE_SIZE + 3)]
    playlist = filled(bob, *videos)
    playlist.entries.update(position=7)  # places may be the same: who came first goes first
    path = playlist.get_absolute_url()
    first = client.get(path)
    next_url = first.context["page"].next_url
    rest = client.get(path + next_url, headers={"HX-Request": "true"})
    shown = [card.title for answer in (first, rest) for card in answer.context["page"].cards]
    assert shown == [video.title for video in videos]
    assert rest.context["page"].next_url is None
    assert b"<html" not in rest.content


def test_the_page_costs_as_many_queries_for_one_video_as_for_twenty(
    bob: User, client: Client
) -> None:
    one = filled(bob, make_video(uploader=bob, status="PENDING"))
    many = filled(bob, *(make_video(status="PENDING", uploader=bob) for _ in range(20)))
    counts = {count_queries(client, it.get_absolute_url()) for it in (one, many)}
    assert len(counts) == 1


def test_what_people_typed_is_shown_as_text(bob: User, client: Client) -> None:
    evil = "<script>alert(1)</script>"
    playlist = make_playlist(evil, made_by=bob, description=evil)
    assert evil not in client.get(playlist.get_absolute_url()).content.decode()
    assert evil not in client.get("/upload/").content.decode()


# -- making ---------------------------------------------------------------------------------------
def test_a_form_makes_one_and_leads_to_it(bob: User, client: Client) -> None:
    answer = client.post("/playlists/", {"title": "Winter", "description": "Snow"})
    made = Playlist.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, made.get_absolute_url())
    assert (made.title, made.description, made.made_by) == ("Winter", "Snow", bob)


def test_a_script_makes_one_and_is_told_its_short_id(client: Client) -> None:
    answer = client.post("/playlists/", {"title": "Winter"}, headers=JSON)
    made = Playlist.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "short_id": made.short_id,
        "title": "Winter",
        "url": f"/playlist/{made.short_id}/",
    }


def test_what_is_no_playlist_is_refused_with_a_sentence(client: Client) -> None:
    answer = client.post("/playlists/", {"title": "x" * 201}, headers=JSON)
    assert answer.status_code == 422
    assert answer.json() == {"errors": {"title": ["A name has at most 200 characters."]}}
    answer = client.post("/playlists/", {"title": " "})
    assert (answer.status_code, answer.content) == (422, b"Give the playlist a name.")
    assert not Playlist.objects.exists()


def test_the_upload_page_offers_ones_own_the_last_changed_first(bob: User, client: Client) -> None:
    older = make_playlist("Older", made_by=bob)
    make_playlist("Newer", made_by=bob)
    make_playlist("Of another")
    add_to_playlist(playlist=older, video=make_video(), user=bob)
    assert [choice.title for choice in own_playlists(bob)] == ["Older", "Newer"]
    text = page(client, "/upload/")
    assert f'<option value="{older.short_id}">Older</option>' in text
    assert "Of another" not in text
