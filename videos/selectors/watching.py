"""What a member has begun to watch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef

from videos.models import Video, WatchPosition
from videos.selectors.cards import VideoCard, cards
from videos.selectors.likes import likes_in_row

if TYPE_CHECKING:
    from accounts.models import User

BEGUN: Final = 6


def begun_by(member: User) -> list[VideoCard]:
    """What the member began and did not finish, the latest first, as far as they may still see
    it. One query."""
    # Asked of each in turn: SQLite would list all videos there are for `video__in`.
    seen = Video.objects.visible_to(member).finished().filter(pk=OuterRef("video"))
    positions = (
        WatchPosition.objects.filter(Exists(seen), member=member)
        .select_related("video__uploaded_by", "video__category")
        .annotate(like_count=likes_in_row("video"))
        .order_by("-updated_at")[:BEGUN]
    )
    seconds = {position.video.short_id: position.seconds for position in positions}
    likes: dict[object, int] = {position.video_id: position.like_count for position in positions}
    found = cards([position.video for position in positions], likes=likes)
    return [replace(card, watched=_share(card, seconds[card.short_id])) for card in found]


def _share(card: VideoCard, seconds: float) -> int | None:
    """Percent of the film."""
    if not card.duration_seconds:
        return None
    return min(100, round(100 * seconds / card.duration_seconds))
