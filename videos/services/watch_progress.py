"""Counting views, and remembering where one stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from videos.models import Video, View, WatchProgress

if TYPE_CHECKING:
    from accounts.models import User

# A view is this much of a video, whichever is less.
VIEW_SECONDS: Final = 30
VIEW_SHARE: Final = 0.3
# Nobody wants to go on from the first moments, or in the middle of the credits.
BEGUN_SECONDS: Final = 5
SEEN_SHARE: Final = 0.95


def count_view(*, video: Video, member: User, watched: float) -> bool:
    """Counts a view once a member and day, however often and from wherever this is told. Whether
    it was counted.

    `watched` are the seconds that were played. One's own videos don't count, nor does what not
    every member may see. The first to insert the row of the day is the one who counts.
    """
    is_public = video.is_published
    if not is_public or video.uploaded_by_id == member.pk or not is_view(video, watched):
        return False
    day = timezone.localdate()
    if View.objects.filter(video=video, member=member, day=day).exists():
        return False  # most often, and without a lock
    with transaction.atomic():
        _, is_first = View.objects.get_or_create(video=video, member=member, day=day)
        if is_first:
            Video.objects.filter(pk=video.pk).update(view_count=F("view_count") + 1)
    return is_first


def is_view(video: Video, watched: float) -> bool:
    """Whether these seconds of it are enough to count."""
    enough: float = VIEW_SECONDS
    if video.duration_seconds:
        enough = min(enough, VIEW_SHARE * video.duration_seconds)
    return watched >= enough


def save_position(*, video: Video, member: User, seconds: float, ended: bool) -> None:
    """Where the member goes on next time, on any device, or that they have seen it to its end;
    forgotten when there is nothing to go on with. The last one to tell is right."""
    is_finished = ended or _is_seen(video, seconds)
    if not is_finished and seconds < BEGUN_SECONDS:
        # To begin a video again is not to have seen less of it.
        WatchProgress.objects.filter(video=video, member=member, is_finished=False).delete()
        return
    position = WatchProgress(
        video=video,
        member=member,
        seconds=max(seconds, BEGUN_SECONDS),
        is_finished=is_finished,
        updated_at=timezone.now(),
    )
    WatchProgress.objects.bulk_create(
        [position],
        update_conflicts=True,
        unique_fields=["member", "video"],
        update_fields=["seconds", "is_finished", "updated_at"],
    )


def _is_seen(video: Video, seconds: float) -> bool:
    duration = video.duration_seconds
    return bool(duration and seconds >= SEEN_SHARE * duration)
