"""Requests of uploaders to look again at hidden videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from videos.models import ReviewRequest, ReviewState

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Video

MAX_COUNTED: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiding:
    """What its uploader sees of a video that somebody else hid.

    `sentence` is the reason, "" if none was given. `request` is the latest one for a review.
    """

    sentence: str
    request: ReviewRequest | None

    @property
    def may_ask(self) -> bool:
        """Whether a text for moderators is still missing."""
        return self.request is None or not self.request.is_open or not self.request.text


def open_reviews(*, limit: int) -> list[ReviewRequest]:
    """Open requests with their videos and uploaders, the oldest first. One query."""
    found = ReviewRequest.objects.filter(state=ReviewState.OPEN)
    found = found.select_related("video__uploaded_by", "video__category")
    return list(found.order_by("pk")[:limit])


def open_review_count() -> int:
    """The number of open requests; MAX_COUNTED + 1 means more than MAX_COUNTED. One query."""
    found = ReviewRequest.objects.filter(state=ReviewState.OPEN).order_by()
    return found[: MAX_COUNTED + 1].count()


def latest_request(video: Video) -> ReviewRequest | None:
    """The latest request for a review of this video. One query."""
    return ReviewRequest.objects.filter(video=video).order_by("-pk").first()


def hiding_of(video: Video, *, viewer: User) -> Hiding | None:
    """None unless somebody else hid the viewer's own video. One query then, else none."""
    if video.uploaded_by_id != viewer.pk or not video.is_hidden_by_staff:
        return None
    return Hiding(sentence=video.hidden_sentence, request=latest_request(video))
