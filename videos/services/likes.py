"""Likes of videos."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from accounts.services.throttle import allow
from clipset.lib.refusals import RateLimitedError
from videos.models import Like, Video

if TYPE_CHECKING:
    from accounts.models import User

MAX_LIKES: Final = 60
WITHIN: Final = timedelta(minutes=5)


def set_like(*, video: Video, member: User, liked: bool) -> int:
    """Stores or removes a member's like. Returns how many members like the video.

    Raises: RateLimitedError; Video.DoesNotExist when it was deleted meanwhile.
    """
    if not allow("like", str(member.pk), times=MAX_LIKES, within=WITHIN):
        raise RateLimitedError(
            "Too many likes at once. Try again in 5 minutes.",
            seconds=int(WITHIN.total_seconds()),
        )
    with transaction.atomic():
        Video.objects.select_for_update(no_key=True).only("pk").get(pk=video.pk)
        if liked:
            Like.objects.get_or_create(video=video, member=member)
        else:
            Like.objects.filter(video=video, member=member).delete()
        return Like.objects.filter(video=video).count()
