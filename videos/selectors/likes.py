"""Who likes what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from videos.models import Like

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from videos.models import Video


def likes_of(videos: Iterable[Video]) -> dict[object, int]:
    """How many like it, by the video's id; without those that nobody likes. One query, none when
    there is nothing that can be liked."""
    ready = [video.pk for video in videos if video.is_ready]
    if not ready:
        return {}
    counted = Like.objects.filter(video__in=ready).values_list("video").annotate(Count("pk"))
    return dict(counted)


def likes_in_row(video: str) -> Coalesce:
    """How many like the video that this field of a row names, for `annotate`."""
    counted = Like.objects.filter(video=OuterRef(video)).values("video").annotate(all=Count("pk"))
    return Coalesce(Subquery(counted.values("all")), 0)


def is_liked(video: Video, *, by: User) -> bool:
    """One query."""
    return Like.objects.filter(video=video, member=by).exists()
