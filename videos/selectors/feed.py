"""Pages of a list of videos, each as cheap as the first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode
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

from clipset.database.keyset import decode_cursor, encode_cursor
from videos.models import Video
from videos.selectors.cards import VideoCard, cards
from videos.selectors.likes import likes_along, with_likes

if TYPE_CHECKING:
    from accounts.models import User
    from videos.querysets import VideoQuerySet

PAGE_SIZE: Final = 24
SORTS: Final = {"newest": "created_at", "views": "view_count"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Some cards, and the address of the page that follows; None on the last."""

    cards: list[VideoCard]
    next_url: str | None


def known_sort(sort: str) -> str:
    """What was asked for, or the newest first for what there is not."""
    return sort if sort in SORTS else "newest"


def feed_page(
    videos: VideoQuerySet,
    *,
    sort: str,
    after: str,
    parameters: dict[str, str],
    viewer: User | None = None,
) -> FeedPage:
    """The page behind the cursor `after` (the first one for "" and for nonsense).

    `parameters` are those of the present address, to be kept in the next. One query, one for what
    the viewer has seen of them, and one more for the progress of what is unfinished.
    """
    field = SORTS[known_sort(sort)]
    position = position_after(field, after)
    if position is not None:
        videos = videos.filter(behind(field, *position))
    rows = list(with_likes(videos.for_cards()).order_by(f"-{field}", "-pk")[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        query = {**parameters, "after": _cursor(field, rows[-1])}
        next_url = "?" + urlencode({key: value for key, value in query.items() if value})
    found = cards(rows, viewer=viewer, likes=likes_along(rows))
    return FeedPage(cards=found, next_url=next_url)


def behind(field: str, value: int | datetime, last: UUID) -> LessThan[Any]:
    """One comparison of rows, which an index answers. With an OR in its place all rows of an equal
    value are read, and most videos have few views; Django's own makes an OR of it on SQLite."""
    kind: Field[Any, Any] = DateTimeField() if isinstance(value, datetime) else BigIntegerField()
    ends = Value(value, output_field=kind), Value(last, output_field=UUIDField())
    row, end = (
        Func(*pair, template="(%(expressions)s)", output_field=BooleanField())
        for pair in ((F(field), F("id")), ends)
    )
    return LessThan(row, end)


def _cursor(field: str, video: Video) -> str:
    value = video.view_count if field == "view_count" else video.created_at.isoformat()
    return encode_cursor((value, video.pk.hex))


def position_after(field: str, after: str) -> tuple[int | datetime, UUID] | None:
    """Where a page of what is ordered by this field and by id goes on; None for its beginning."""
    values = decode_cursor(after) if after else None
    if values is None or len(values) != 2:
        return None
    value, last = values
    try:
        moment = value if field == "view_count" else datetime.fromisoformat(str(value))
        if isinstance(moment, str):
            return None
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                return None
            moment = moment.astimezone(UTC)
        return moment, UUID(str(last))
    except (ValueError, OverflowError):  # the latter beyond the first and the last of all years
        return None


def unfinished_of(user: User) -> list[VideoCard]:
    """What the member sent lately and is not ready: waiting, processing, or failed."""
    unfinished = Video.objects.filter(uploaded_by=user).exclude(processing_status="COMPLETED")
    return cards(unfinished.for_cards().order_by("-created_at", "-pk")[:6])  # nobody likes them
