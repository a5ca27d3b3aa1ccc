"""Counts views and stores where each member stopped in a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from videos.models import Video, View, WatchProgress

if TYPE_CHECKING:
    from accounts.models import User

# A view is this much of a video, whichever is shorter.
VIEW_SECONDS: Final = 30
VIEW_SHARE: Final = 0.3
# Continuing makes no sense in the first seconds, or during the credits.
MIN_SECONDS: Final = 5
FINISHED_SHARE: Final = 0.95


def count_view(*, video: Video, member: User, watched: float) -> bool:
    """Counts a view, once for each member and day. Returns whether it was counted.

    `watched` are the seconds that were played. Members do not count on their own videos, and only
    published videos are counted. The request that inserts the day's row counts.
    """
    if not video.is_published or video.uploaded_by_id == member.pk or not is_view(video, watched):
        return False
    day = timezone.localdate()
    if View.objects.filter(video=video, member=member, day=day).exists():
        return False  # the usual case, without a lock
    with transaction.atomic():
        _, is_first = View.objects.get_or_create(video=video, member=member, day=day)
        if is_first:
            Video.objects.filter(pk=video.pk).update(view_count=F("view_count") + 1)
    return is_first


def is_view(video: Video, watched: float) -> bool:
    """Whether `watched` seconds of the video are enough to count."""
    enough: float = VIEW_SECONDS
    if video.duration_seconds:
        enough = min(enough, VIEW_SHARE * video.duration_seconds)
    return watched >= enough


def save_position(*, video: Video, member: User, seconds: float, ended: bool) -> None:
    """Stores where the member stopped, for all devices, or that the video is finished. A position
    in the first seconds is deleted instead. The last request wins."""
    is_finished = ended or _is_near_end(video, seconds)
    if not is_finished and seconds < MIN_SECONDS:
        # Starting a finished video again does not make it unfinished.
        WatchProgress.objects.filter(video=video, member=member, is_finished=False).delete()
        return
    position = WatchProgress(
        video=video,
        member=member,
        seconds=max(seconds, MIN_SECONDS),
        is_finished=is_finished,
        updated_at=timezone.now(),
    )
    WatchProgress.objects.bulk_create(
        [position],
        update_conflicts=True,
        unique_fields=["member", "video"],
        update_fields=["seconds", "is_finished", "updated_at"],
    )


def _is_near_end(video: Video, seconds: float) -> bool:
    duration = video.duration_seconds
    return bool(duration and seconds >= FINISHED_SHARE * duration)
