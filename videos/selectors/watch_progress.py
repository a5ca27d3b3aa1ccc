"""How much of each video in a list a member has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.models import WatchProgress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from videos.models import Video


def watched_by(member: User, videos: Iterable[Video]) -> dict[object, int | None]:
    """Percent by the video's id, of what the member has begun. One query, none when there is
    nothing that can be watched to its end."""
    ready = {video.pk: video for video in videos if video.is_ready}
    if not ready:
        return {}
    found: dict[object, int | None] = {}
    for position in WatchProgress.objects.filter(member=member, video__in=ready):
        position.video = ready[position.video_id]
        found[position.video_id] = watched_share(position)
    return found


def watched_share(position: WatchProgress) -> int | None:
    """Percent of the video, 100 only of what was seen to its end; None where its length is not
    known. No query where the video came along."""
    if position.is_finished:
        return 100
    duration = position.video.duration_seconds
    return min(99, max(1, round(100 * position.seconds / duration))) if duration else None
