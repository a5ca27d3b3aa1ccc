"""Pages of a list of videos. Every page costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateTimeField,
    F,
    Field,
    Func,
    UUIDField,
    Value,
)
from django.db.models.lookups import LessThan

from clipset.lib.keyset import next_address, parse_cursor
from videos.models import Video
from videos.selectors.cards import VideoCard, cards
from videos.selectors.likes import likes_along, with_likes

if TYPE_CHECKING:
    from accounts.models import User
    from clipset.lib.keyset import Cursor
    from videos.querysets import VideoQuerySet

PAGE_SIZE: Final = 24
SORTS: Final = {"newest": "created_at", "views": "view_count"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """A page of cards; `next_url` is None on the last page."""

    cards: list[VideoCard]
    next_url: str | None


def known_sort(sort: str) -> str:
    """The sort order if it exists, else "newest"."""
    return sort if sort in SORTS else "newest"


def feed_page(
    videos: VideoQuerySet,
    *,
    sort: str,
    after: str,
    parameters: dict[str, str],
    viewer: User | None = None,
) -> FeedPage:
    """The page behind the cursor `after`; the first one for a missing or wrong cursor.

    `parameters` are those of the current address, which the next page keeps. One query, one for
    what the viewer has watched, and one more for the progress of unfinished videos.
    """
    field = SORTS[known_sort(sort)]
    position = position_after(field, after)
    if position is not None:
        videos = videos.filter(behind(field, *position))
    rows = list(with_likes(videos.for_cards()).order_by(f"-{field}", "-pk")[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address(_cursor(field, rows[-1]), parameters)
    found = cards(rows, viewer=viewer, likes=likes_along(rows))
    return FeedPage(cards=found, next_url=next_url)


def behind(field: str, value: int | datetime, last: UUID) -> LessThan[Any]:
    """The condition (field, id) < (value, last), as one comparison of rows that an index answers.

    With an OR instead, all rows of an equal value would be read, and most videos have few views.
    Django's own tuple comparison becomes an OR on SQLite.
    """
    kind: Field[Any, Any] = DateTimeField() if isinstance(value, datetime) else BigIntegerField()
    ends = Value(value, output_field=kind), Value(last, output_field=UUIDField())
    row, end = (
        Func(*pair, template="(%(expressions)s)", output_field=BooleanField())
        for pair in ((F(field), F("id")), ends)
    )
    return LessThan(row, end)


def _cursor(field: str, video: Video) -> Cursor:
    value = video.view_count if field == "view_count" else video.created_at.isoformat()
    return value, video.pk.hex


def position_after(field: str, after: str) -> tuple[int | datetime, UUID] | None:
    """The position of a cursor in a list that is sorted by this field and by id; None means the
    first page.
    """
    try:
        if field == "view_count":
            by_count = parse_cursor(after, int, str)
            return None if by_count is None else (by_count[0], UUID(by_count[1]))
        by_time = parse_cursor(after, str, str)
        moment = None if by_time is None else datetime.fromisoformat(by_time[0])
        if by_time is None or moment is None or moment.tzinfo is None:
            return None
        return moment.astimezone(UTC), UUID(by_time[1])
    except (ValueError, OverflowError):  # OverflowError outside the years 1 to 9999
        return None


def recent_uploads(user: User) -> list[VideoCard]:
    """The member's latest uploads that are waiting, being processed, or failed. Two queries."""
    unfinished = Video.objects.filter(uploaded_by=user).exclude(processing_status="COMPLETED")
    return cards(
        unfinished.for_cards().order_by("-created_at", "-pk")[:6]
    )  # unfinished videos have no likes
