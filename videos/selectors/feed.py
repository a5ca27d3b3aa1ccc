"""Pages of a list of videos. Every page costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clipset.lib.keyset import next_address
from videos.models import Video
from videos.selectors.cards import VideoCard, cards
from videos.selectors.likes import likes_along, with_likes
from videos.selectors.sort_orders import SORTS

if TYPE_CHECKING:
    from accounts.models import User
    from videos.querysets import VideoQuerySet

PAGE_SIZE: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """A page of cards; `next_url` is None on the last page."""

    cards: list[VideoCard]
    next_url: str | None


def feed_page(
    videos: VideoQuerySet,
    *,
    sort: str,
    after: str,
    parameters: dict[str, str],
    viewer: User | None = None,
) -> FeedPage:
    """The page behind the cursor `after`; the first one for a missing or wrong cursor.

    `sort` is a key of SORTS. `parameters` are those of the current address, which the next page
    keeps. One query, one for what the viewer has watched, and one more for the progress of
    unfinished videos.
    """
    order = SORTS[sort]
    position = order.position(after)
    if position is not None:
        videos = videos.filter(order.behind(position))
    rows = list(with_likes(videos.for_cards()).order_by(*order.order_by)[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address(order.cursor(rows[-1]), parameters)
    found = cards(rows, viewer=viewer, likes=likes_along(rows))
    return FeedPage(cards=found, next_url=next_url)


def recent_uploads(user: User) -> list[VideoCard]:
    """The member's latest uploads that are waiting, being processed, or failed. Two queries."""
    own = Video.objects.outside_trash().filter(uploaded_by=user)
    unfinished = own.exclude(processing_status="COMPLETED")
    return cards(
        unfinished.for_cards().order_by("-created_at", "-pk")[:6]
    )  # unfinished videos have no likes
