"""Numbers of likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from videos.models import Like

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videos.models import Video
    from videos.querysets import VideoQuerySet


def likes_of(videos: Iterable[Video]) -> dict[object, int]:
    """Likes by the video's id, without videos that nobody likes. One query; none if no video is
    ready.
    """
    ready = [video.pk for video in videos if video.is_ready]
    if not ready:
        return {}
    counted = Like.objects.filter(video__in=ready).values_list("video").annotate(Count("pk"))
    return dict(counted)


def likes_in_row(video: str) -> Coalesce:
    """The number of likes of the video that this field names, for `annotate`."""
    counted = Like.objects.filter(video=OuterRef(video)).values("video").annotate(all=Count("pk"))
    return Coalesce(Subquery(counted.values("all")), 0)


def with_likes(videos: VideoQuerySet) -> VideoQuerySet:
    """Annotates the number of likes of each video, for `likes_along`."""
    return videos.annotate(like_count=likes_in_row("pk"))


def likes_along(videos: Iterable[Any]) -> dict[object, int]:
    """Likes by the video's id, of videos that were fetched by `with_likes`. No query."""
    return {video.pk: video.like_count for video in videos}
