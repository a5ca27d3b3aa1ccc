"""Comments as a page shows them: each once and in order, at the same cost however many."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from accounts.models import User
from tests.builders import make_user, make_video
from videos.models import Comment, Notification, NotificationKind, Video
from videos.selectors.comments import (
    MAX_MARKERS,
    PAGE_SIZE,
    REPLIES_PAGE,
    REPLIES_SHOWN,
    comment_count,
    comment_page,
    markers,
    thread,
)
from videos.selectors.notifications import PAGE_SIZE as NOTIFICATIONS_PAGE
from videos.selectors.notifications import notification_page, unread_count
from videos.services.comments import delete_comment

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def video(bob: User) -> Video:
    return make_video("Sea", uploader=bob, duration_seconds=100.0)


def say(
    video: Video, author: User, count: int = 1, parent: Comment | None = None, **fields: object
) -> list[Comment]:
    return [
        Comment.objects.create(
            **{
                "video": video,
                "author": author,
                "text": f"Number {number}",
                "parent": parent,
                **fields,
            }
        )
        for number in range(count)
    ]


def after_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["after"][0]


def shown(video: Video, viewer: User, **options: object) -> list[int]:
    page = comment_page(video, viewer=viewer, **options)  # type: ignore[arg-type]
    return [one.card.comment.pk for one in page.threads]


def test_walking_all_pages_shows_every_thread_once_the_newest_first(
    video: Video, bob: User
) -> None:
    made = say(video, bob, PAGE_SIZE * 2 + 3)
    say(make_video(), bob, 2)
    seen, after = list[int](), ""
    for _ in range(3):
        page = comment_page(video, viewer=bob, after=after)
        seen += [one.card.comment.pk for one in page.threads]
        say(video, bob)  # what is added while one reads moves nothing
        after = after_of(page.next_url) if page.next_url else ""
    assert after == ""
    assert seen == [one.pk for one in reversed(made)]


def test_replies_come_in_order_and_the_rest_page_by_page(video: Video, bob: User) -> None:
    root = say(video, bob)[0]
    replies = say(video, bob, REPLIES_SHOWN + REPLIES_PAGE + 5, parent=root)
    first = comment_page(video, viewer=bob).threads[0]
    seen = [card.comment for card in first.replies]
    assert len(seen) == REPLIES_SHOWN
    more = first.more_url
    while more:
        rest = thread(root, viewer=bob, after=after_of(more))
        seen += [card.comment for card in rest.replies]
        more = rest.more_url
    assert seen == replies


def test_as_many_replies_as_are_shown_lead_nowhere(video: Video, bob: User) -> None:
    say(video, bob, REPLIES_SHOWN, parent=say(video, bob)[0])
    assert comment_page(video, viewer=bob).threads[0].more_url is None


@pytest.mark.parametrize("focused", [False, True])
def test_the_cost_is_the_same_for_many(
    video: Video, bob: User, focused: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 30):
        for root in say(video, make_user(), count):
            say(video, make_user(), 5, parent=root)
        focus = Comment.objects.filter(parent__isnull=False).latest("pk").pk if focused else None
        with django_assert_num_queries(4 if focused else 3):
            page = comment_page(video, viewer=bob, focus=focus)
            for one in page.threads:
                assert one.card.comment.author.username
                assert [card.comment.author.username for card in one.replies]


def test_the_comment_that_an_address_names_stands_on_top(video: Video, bob: User) -> None:
    old, *others = say(video, bob, PAGE_SIZE + 5)
    assert shown(video, bob, focus=old.pk)[0] == old.pk
    assert shown(video, bob, focus=others[-1].pk).count(others[-1].pk) == 1
    replies = say(video, bob, 9, parent=old)
    first = comment_page(video, viewer=bob, focus=replies[-1].pk).threads[0]
    assert first.card.comment == old
    assert [card.comment for card in first.replies] == [replies[-1]]
    assert first.replies[0].is_focus
    assert first.shows_one
    elsewhere = say(make_video(), bob)[0]
    for nothing in (elsewhere.pk, 2**62):
        assert shown(video, bob, focus=nothing) == shown(video, bob)


def test_a_deleted_comment_is_gone_but_for_who_deleted_it(video: Video, bob: User) -> None:
    alice = make_user()
    comment = say(video, bob)[0]
    delete_comment(comment=comment, by=bob)
    assert comment_page(video, viewer=bob).threads[0].card.state == "undo"
    assert shown(video, alice) == []
    assert shown(video, alice, focus=comment.pk) == []
    assert comment_count(video) == "0"
    Comment.objects.update(deleted_at=timezone.now() - timedelta(minutes=11))
    assert shown(video, bob) == []


def test_a_deleted_comment_with_replies_keeps_its_place(video: Video, bob: User) -> None:
    alice = make_user()
    root = say(video, alice)[0]
    reply = say(video, bob, parent=root)[0]
    delete_comment(comment=root, by=bob)
    card = comment_page(video, viewer=alice).threads[0].card
    assert (card.state, card.can_reply) == ("deleted", False)
    delete_comment(comment=reply, by=bob)
    assert shown(video, alice) == []


def test_markers_are_the_newest_in_the_order_of_the_video(video: Video, bob: User) -> None:
    say(video, bob, text="No time")
    say(video, bob, text="Beyond the end", moment=101)
    gone = say(video, bob, text="Gone", moment=5)[0]
    delete_comment(comment=gone, by=bob)
    say(video, bob, text="Old", moment=1)
    for moment in range(MAX_MARKERS):
        say(video, bob, text=f"At\nlast {moment}", moment=(moment * 7) % 101)
    found = markers(video)
    assert len(found) == MAX_MARKERS
    assert [one.seconds for one in found] == sorted(one.seconds for one in found)
    assert {one.text for one in found} == {f"At last {number}" for number in range(MAX_MARKERS)}
    assert found[0].author == "bob"


def test_notifications_come_page_by_page_and_the_badge_counts_to_nine(
    video: Video, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice = make_user()
    for comment in say(video, alice, NOTIFICATIONS_PAGE + 2):
        Notification.objects.create(
            member=bob, kind=NotificationKind.COMMENTED, video=video, comment=comment
        )
    with django_assert_num_queries(2):
        page = notification_page(viewer=bob)
        assert [
            row.notification.comment.author.username
            for row in page.rows
            if row.notification.comment
        ]
    assert page.next_url is not None
    rest = notification_page(viewer=bob, after=after_of(page.next_url))
    assert len(page.rows) + len(rest.rows) == NOTIFICATIONS_PAGE + 2
    assert rest.next_url is None
    assert unread_count(bob) == 10
    assert unread_count(alice) == 0
