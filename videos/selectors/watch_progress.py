"""How much of each video in a list a member has watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.models import WatchProgress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from videos.models import Video


def watched_by(member: User, videos: Iterable[Video]) -> dict[object, int | None]:
    """Percent by the video's id, for videos that the member has started. One query; none if no
    video is ready.
    """
    ready = {video.pk: video for video in videos if video.is_ready}
    if not ready:
        return {}
    found: dict[object, int | None] = {}
    for position in WatchProgress.objects.filter(member=member, video__in=ready):
        position.video = ready[position.video_id]
        found[position.video_id] = watched_share(position)
    return found


def watched_share(position: WatchProgress) -> int | None:
    """The watched part in percent; 100 only if it was watched to the end, None if the duration is
    unknown.

    No query if the position was fetched with its video.
    """
    if position.is_finished:
        return 100
    duration = position.video.duration_seconds
    return min(99, max(1, round(100 * position.seconds / duration))) if duration else None
