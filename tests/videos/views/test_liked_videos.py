"""What a member likes, for themselves alone."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.builders import make_user, make_video
from videos.models import Video
from videos.selectors.feed import PAGE_SIZE
from videos.services.likes import set_like

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.long_on_postgresql,
]


def test_what_one_likes_and_may_still_see_is_listed_the_newest_like_first(client: Client) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    client.force_login(alice)
    assert "Videos you like will appear here." in client.get("/liked/").content.decode()
    own = make_video("Own", uploader=alice)
    videos = [own, *(make_video(title) for title in ("Old", "New", "Hidden", "Gone"))]
    for video in reversed(videos):
        set_like(video=video, member=alice, liked=True)
    set_like(video=make_video("Not mine"), member=bob, liked=True)
    set_like(video=videos[1], member=bob, liked=True)
    Video.objects.filter(title__in=["Hidden", "Own"]).update(is_hidden=True)
    videos[4].delete()
    cards = client.get("/liked/").context["page"].cards
    assert [(card.title, card.like_count) for card in cards] == [("Own", 1), ("Old", 2), ("New", 1)]
    set_like(video=videos[2], member=alice, liked=False)
    set_like(video=videos[2], member=alice, liked=True)
    cards = client.get("/liked/").context["page"].cards
    assert [card.title for card in cards] == ["New", "Own", "Old"]


def test_many_are_shown_page_by_page_with_none_left_out(client: Client) -> None:
    alice, maker = make_user("alice"), make_user("maker")
    client.force_login(alice)
    videos = [make_video(f"{number}", uploader=maker) for number in range(PAGE_SIZE + 2)]
    for video in videos:
        video.likes.create(member=alice)
    first = client.get("/liked/")
    rest = client.get("/liked/" + first.context["page"].next_url, headers={"HX-Request": "true"})
    shown = [card.title for answer in (first, rest) for card in answer.context["page"].cards]
    assert shown == [video.title for video in reversed(videos)]
    assert rest.context["page"].next_url is None
    assert b"<html" not in rest.content
