"""Pages of a list: each visible video once and in order, whatever happens in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from clipset.lib.keyset import encode_cursor
from tests.builders import make_user, make_video
from videos.models import Video
from videos.selectors.feed import PAGE_SIZE, feed_page, recent_uploads
from videos.selectors.sort_orders import SORTS, known_sort
from videos.tasks import refresh_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

EPOCH = datetime(2025, 5, 1, tzinfo=UTC)
ORDERED_BY = {"newest": ("-created_at", "-pk"), "views": ("-view_count", "-pk")}


def make_videos(count: int, *, views: int = 5, spread: int = 5) -> None:
    """Many at once; `spread` different moments and numbers of views among them."""
    user = User.objects.first() or make_user("bob")
    Video.objects.bulk_create(
        Video(
            title=f"Video {number}",
            uploaded_by=user,
            filename=uuid4().hex,
            storage_root="videos",
            original_filename="a.mp4",
            file_size_bytes=1,
            processing_status="COMPLETED",
            created_at=EPOCH + timedelta(seconds=number % spread, microseconds=number % spread),
            view_count=views + number % spread,
        )
        for number in range(count)
    )


def walk(sort: str, between: Callable[[], None] = lambda: None) -> list[list[str]]:
    """Short ids of page after page, as a reader follows the links."""
    pages, after = [], ""
    for _ in range(50):
        page = feed_page(Video.objects.published(), sort=sort, after=after, parameters={})
        pages.append([card.short_id for card in page.cards])
        if page.next_url is None:
            return pages
        after = parse_qs(page.next_url.removeprefix("?"))["after"][0]
        between()
    raise AssertionError("the pages do not end")


def in_order(sort: str) -> list[str]:
    fields = ORDERED_BY[sort]
    return list(Video.objects.published().order_by(*fields).values_list("short_id", flat=True))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("spread", [1, 3, 1000])
def test_walking_all_pages_shows_every_video_once_and_in_order(sort: str, spread: int) -> None:
    """Also where all, or many, have the same moment and the same number of views."""
    make_videos(PAGE_SIZE * 3 + 5, spread=spread)
    pages = walk(sort)
    assert [len(page) for page in pages] == [PAGE_SIZE] * 3 + [5]
    assert [short_id for page in pages for short_id in page] == in_order(sort)


@pytest.mark.parametrize("sort", SORTS)
def test_what_is_added_while_one_reads_moves_nothing(sort: str) -> None:
    make_videos(PAGE_SIZE * 3 + 5)
    before = in_order(sort)
    user = User.objects.get(username="bob")

    def add() -> None:
        make_video(uploader=user, created_at=timezone.now(), view_count=1000)

    seen = [short_id for page in walk(sort, add) for short_id in page]
    assert seen == before


@pytest.mark.parametrize("sort", SORTS)
def test_what_is_deleted_or_hidden_while_one_reads_skips_nothing(sort: str) -> None:
    make_videos(PAGE_SIZE * 2 + 5)
    before = in_order(sort)
    first = feed_page(Video.objects.published(), sort=sort, after="", parameters={})
    Video.objects.filter(short_id__in=before[: PAGE_SIZE + 2]).delete()
    assert first.next_url is not None
    after = parse_qs(first.next_url.removeprefix("?"))["after"][0]
    second = feed_page(Video.objects.published(), sort=sort, after=after, parameters={})
    assert [card.short_id for card in second.cards] == before[PAGE_SIZE + 2 : 2 * PAGE_SIZE + 2]


def test_a_full_last_page_has_no_next_one() -> None:
    make_videos(PAGE_SIZE)
    assert walk("newest") == [in_order("newest")]


def test_no_videos_make_one_empty_page() -> None:
    assert walk("newest") == [[]]


def test_the_next_address_keeps_what_was_asked_for() -> None:
    make_videos(PAGE_SIZE + 1)
    parameters = {"q": "sea & sun", "category": "", "sort": "views"}
    page = feed_page(Video.objects.all(), sort="views", after="", parameters=parameters)
    assert page.next_url is not None
    asked = parse_qs(page.next_url.removeprefix("?"))
    assert asked.keys() == {"q", "sort", "after"}
    assert asked["q"] == ["sea & sun"]


BAD = {
    "nonsense": "nonsense",
    "too long": "A" * 5000,
    "no base64": "ü",
    "NUL": "\x00",
    "one value": encode_cursor((1,)),
    "three values": encode_cursor((1, uuid4().hex, 3)),
    "no id": encode_cursor((1, "x")),
    "id is a number": encode_cursor((1, 5)),
    "no date": encode_cursor(("yesterday", uuid4().hex)),
    "naive date": encode_cursor(("2025-05-01T00:00:00", uuid4().hex)),
    "text for a number": encode_cursor(("7", uuid4().hex)),
    "date before all dates": encode_cursor(("0001-01-01T00:00:00+23:59", uuid4().hex)),
    "date after all dates": encode_cursor(("9999-12-31T23:59:59-23:59", uuid4().hex)),
}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("case", BAD)
def test_a_bad_cursor_shows_the_first_page(sort: str, case: str) -> None:
    make_videos(PAGE_SIZE + 3)
    page = feed_page(Video.objects.published(), sort=sort, after=BAD[case], parameters={})
    assert [card.short_id for card in page.cards] == in_order(sort)[:PAGE_SIZE]


def test_the_cursor_of_another_order_shows_the_first_page() -> None:
    make_videos(PAGE_SIZE + 3)
    number = encode_cursor((2**62, UUID(int=0).hex))
    moment = encode_cursor((EPOCH.isoformat(), UUID(int=0).hex))
    for sort, cursor in (("newest", number), ("views", moment)):
        page = feed_page(Video.objects.published(), sort=sort, after=cursor, parameters={})
        assert [card.short_id for card in page.cards] == in_order(sort)[:PAGE_SIZE]


def test_an_unknown_order_means_the_newest_first() -> None:
    assert [known_sort(sort, SORTS) for sort in ("newest", "views", "", "bogus")] == [
        "newest",
        "views",
        "newest",
        "newest",
    ]


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_costs_one_query_wherever_it_is(
    sort: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_videos(PAGE_SIZE * 2 + 1)
    first = feed_page(Video.objects.published(), sort=sort, after="", parameters={})
    assert first.next_url is not None
    after = parse_qs(first.next_url.removeprefix("?"))["after"][0]
    for cursor in ("", after):
        with django_assert_num_queries(1):
            feed_page(Video.objects.published(), sort=sort, after=cursor, parameters={})


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
@pytest.mark.parametrize(
    ("sort", "index"), [("newest", "videos_feed_newest"), ("views", "videos_feed_views")]
)
def test_a_page_half_way_is_found_by_its_index_alone(sort: str, index: str) -> None:
    """Among many videos with two views each, none before the cursor is read."""
    make_videos(PAGE_SIZE + 1)
    refresh_statistics()  # without statistics the index of the state is taken
    page = feed_page(Video.objects.published(), sort=sort, after="", parameters={})
    assert page.next_url is not None
    after = parse_qs(page.next_url.removeprefix("?"))["after"][0]
    with CaptureQueriesContext(connection) as queries:
        feed_page(Video.objects.published(), sort=sort, after=after, parameters={})
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + queries[0]["sql"])
        plan = [row[3] for row in cursor.fetchall()]
    assert f"SEARCH videos USING INDEX {index} (({SORTS[sort].column},id)<(?,?))" in plan


def test_what_a_member_sent_and_is_not_ready_is_listed_newest_first() -> None:
    bob, alice = make_user("bob"), make_user("alice")
    make_video("ready", uploader=bob)
    make_video("hers", uploader=alice, status="PENDING")
    for number, status in enumerate(["PENDING", "PROCESSING", "FAILED"]):
        make_video(status, uploader=bob, status=status, created_at=EPOCH + timedelta(hours=number))
    cards = recent_uploads(bob)
    assert [(card.title, card.state) for card in cards] == [
        ("FAILED", "failed"),
        ("PROCESSING", "processing"),
        ("PENDING", "waiting"),
    ]
