"""The list of videos that a member likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from clipset.lib.keyset import next_address, parse_cursor
from videos.models import Like, Video
from videos.selectors.cards import cards
from videos.selectors.feed import PAGE_SIZE, FeedPage
from videos.selectors.likes import likes_in_row

if TYPE_CHECKING:
    from accounts.models import User


def liked_page(member: User, *, after: str) -> FeedPage:
    """The liked videos behind the cursor `after` that the member may see, the newest like first.

    One query, one for what the member has watched, and one more for the progress of unfinished
    videos.
    """
    # EXISTS for each row: for `video__in` SQLite would list all videos.
    seen = Video.objects.visible_to(member).filter(pk=OuterRef("video"))
    likes = Like.objects.filter(Exists(seen), member=member)
    cursor = parse_cursor(after, int)
    if cursor is not None:
        likes = likes.filter(pk__lt=cursor[0])
    found = likes.select_related("video__uploaded_by", "video__category")
    found = found.annotate(like_count=likes_in_row("video"))
    rows = list(found.order_by("-pk")[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address((rows[-1].pk,))
    counts: dict[object, int] = {row.video_id: row.like_count for row in rows}
    shown = cards([row.video for row in rows], viewer=member, likes=counts)
    return FeedPage(cards=shown, next_url=next_url)
