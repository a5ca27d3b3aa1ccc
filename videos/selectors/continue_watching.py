"""Videos that a member has started to watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef

from videos.models import Video, WatchProgress
from videos.selectors.cards import VideoCard, cards
from videos.selectors.likes import likes_in_row
from videos.selectors.watch_progress import watched_share

if TYPE_CHECKING:
    from accounts.models import User

MAX_SHOWN: Final = 6


def continue_watching(member: User) -> list[VideoCard]:
    """Cards of videos that the member started and did not finish, latest first. One query."""
    # EXISTS for each row: for `video__in` SQLite would list all videos.
    seen = Video.objects.visible_to(member).finished().filter(pk=OuterRef("video"))
    positions = (
        WatchProgress.objects.filter(Exists(seen), member=member, is_finished=False)
        .select_related("video__uploaded_by", "video__category")
        .annotate(like_count=likes_in_row("video"))
        .order_by("-updated_at")[:MAX_SHOWN]
    )
    likes: dict[object, int] = {position.video_id: position.like_count for position in positions}
    return cards(
        [position.video for position in positions],
        likes=likes,
        watched={position.video_id: watched_share(position) for position in positions},
    )
