"""What members did on the sites of `bench.pages`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from accounts.models import User

VIDEOS_PER_COMMENT: Final = 5  # also per like and per watch progress


def add_activity(size: int, users: list[User]) -> None:
    """Adds likes, comments and watch progress to some videos, many comments to the middle one, and
    watch progress of the viewer."""
    from accounts.models import User
    from videos.models import Comment, Like, Video, WatchProgress

    chance = random.Random(6)  # noqa: S311 the same activity at each run
    ids = list(Video.objects.order_by("created_at").values_list("pk", flat=True))
    some = [(pk, chance.choice(users)) for pk in ids[::VIDEOS_PER_COMMENT]]
    Like.objects.bulk_create((Like(video_id=pk, member=one) for pk, one in some), 1000)
    Comment.objects.bulk_create(
        (Comment(video_id=pk, author=one, text="How lovely!") for pk, one in some), 1000
    )
    viewer = User.objects.get(username="viewer")
    watched = [*some, *((pk, viewer) for pk in ids[:: size // 100])]
    WatchProgress.objects.bulk_create(
        (WatchProgress(video_id=pk, member=one, seconds=9) for pk, one in watched), 1000
    )
    commented = ids[size // 2]
    roots = Comment.objects.bulk_create(
        Comment(video_id=commented, author=chance.choice(users), text=f"At 0:{n % 60:02}", moment=9)
        for n in range(200)
    )
    Comment.objects.bulk_create(
        Comment(video_id=commented, author=chance.choice(users), text="Yes.", parent=root)
        for root in roots
        for _ in range(5)
    )
