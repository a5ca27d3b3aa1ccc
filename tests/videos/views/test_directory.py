"""The directory of members: who is in it, in which order, and how one finds somebody."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.builders import count_queries, make_moderator, make_user, make_video
from videos.selectors import directory
from videos.selectors.directory import directory_page

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.long_on_postgresql,
]


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def names(query: str = "", *, after: str = "") -> list[str]:
    return [member.username for member in directory_page(query, after=after).members]


def test_active_members_stand_by_name_whatever_the_case(bob: User) -> None:
    make_user("Alice")
    make_user("_ann")
    make_user("Carl_9")
    make_user("away", is_active=False)
    assert names() == sorted(["Alice", "_ann", "bob", "Carl_9"], key=str.lower)


def test_a_member_is_found_by_the_beginnings_of_a_name(bob: User) -> None:
    make_user("Paula_Rossi")
    make_user("ross")
    assert names("ROS") == ["Paula_Rossi", "ross"]
    assert names("rossi pau") == ["Paula_Rossi"]
    assert names("rössi") == ["Paula_Rossi"]
    assert names("aula") == names("%") == names("_") == names("'") == names("日") == []


def test_what_is_counted_is_what_everybody_sees(client: Client, bob: User) -> None:
    make_video(uploader=bob)
    make_video(uploader=bob)
    make_video(uploader=bob, is_hidden=True)
    make_video(uploader=bob, status="FAILED")
    make_moderator("mod")
    html = unescape(client.get("/users/").content.decode())
    assert html.index("2 videos") < html.index("No videos yet") < html.index("Moderator")


def test_who_has_very_many_videos_is_not_counted_to_the_end(
    client: Client, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "MAX_COUNTED", 2)
    for number in range(3):
        make_video(uploader=bob)
        html = unescape(client.get("/users/").content.decode())
        assert ["1 video<", "2 videos<", "2+ videos<"][number] in html


def test_pages_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "PAGE_SIZE", 2)
    for name in ("Ann_b", "ann_A", "ann_c", "other"):
        make_user(name)
    first = directory_page("ann", after="")
    assert first.next_url is not None
    assert first.next_url.startswith("?q=ann&after=")
    assert names("ann") == ["ann_A", "Ann_b"]
    assert names("ann", after=first.next_url.rpartition("=")[2]) == ["ann_c"]
    assert directory_page("ann", after=first.next_url.rpartition("=")[2]).next_url is None


def test_it_costs_as_many_queries_for_fifty_members_as_for_one(client: Client) -> None:
    one = count_queries(client, "/users/")
    for number in range(60):
        make_video(uploader=make_user(f"member_{number}x"))
    assert count_queries(client, "/users/") == one


def test_nobody_of_that_name_is_said_so(client: Client) -> None:
    assert "No members match that name." in client.get("/users/?q=zz").content.decode()


def test_only_the_members_that_follow_are_sent_to_htmx(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "PAGE_SIZE", 1)
    make_user("carl")
    address = client.get("/users/").context["page"].next_url
    part = client.get(f"/users/{address}", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "carl" in part
    assert "bob" not in part
