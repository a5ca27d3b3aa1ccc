"""Requests of uploaders to look again at hidden videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videos.models import ReviewRequest, ReviewState
from videos.querysets import outside_trash_q

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import User
    from videos.models import Video


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


def open_reviews(user: User) -> QuerySet[ReviewRequest]:
    """Open requests that this member of staff may answer, with their videos and uploaders, the
    oldest first. None about their own videos, nor about those in the trash."""
    found = ReviewRequest.objects.filter(outside_trash_q("video__"), state=ReviewState.OPEN)
    others = found.exclude(video__uploaded_by=user.pk)
    return others.select_related("video__uploaded_by").order_by("pk")


def latest_request(video: Video) -> ReviewRequest | None:
    """The latest request for a review of this video. One query."""
    return ReviewRequest.objects.filter(video=video).order_by("-pk").first()


def hiding_of(video: Video, *, viewer: User) -> Hiding | None:
    """None unless somebody else hid the viewer's own video. One query then, else none."""
    if video.uploaded_by_id != viewer.pk or not video.is_hidden_by_staff:
        return None
    return Hiding(sentence=video.hidden_sentence, request=latest_request(video))
