"""Uploaders who ask to look again at a video that staff hid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.urls import reverse

from siteconfig.attention import (
    NO_LONGER_OPEN,
    Act,
    Asked,
    Done,
    Look,
    Picture,
    Row,
    Source,
    bounded_count,
)
from videos.models import Video
from videos.selectors.cards import small_thumbnail_url
from videos.selectors.reviews import open_reviews
from videos.services.reviews import answer_review

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import User
    from videos.models import ReviewRequest

MAX_KEY: Final = 18  # digits, so that every key is one that the database can hold
ENDS: Final = (".", "!", "?", "…")  # of a text that needs no full stop


def find(look: Look) -> list[Row]:
    found = _of_key(look.staff, look.key) if look.key else open_reviews(look.staff)
    return [_row(request) for request in found[: look.limit]]


def _of_key(staff: User, key: str) -> QuerySet[ReviewRequest]:
    is_key = key.isascii() and key.isdecimal() and len(key) <= MAX_KEY
    return open_reviews(staff).filter(pk=int(key) if is_key else 0)


def _row(request: ReviewRequest) -> Row:
    video = request.video
    return Row(
        key=str(request.pk),
        title=video.title,
        url=video.get_absolute_url(),
        why=_why(request),
        who=video.uploaded_by.username,
        since=request.asked_at,
        picture=Picture(icon="eye-off", url=small_thumbnail_url(video)),
        act=Act(label="Unhide", name="unhide"),
        menu=(
            # The uploader must be told why, so that is a page with a text.
            Act(label="Keep hidden…", url=reverse("moderate", args=[video.short_id])),
            Act(label="Open video", url=video.get_absolute_url()),
            Act(label="Open in admin", url=reverse("admin:videos_video_change", args=[video.pk])),
        ),
    )


def _why(request: ReviewRequest) -> str:
    """Why it is hidden, and what its uploader says or changed."""
    parts = []
    if request.video.hidden_sentence:
        why = request.video.hidden_sentence
        parts.append(f"Hidden because: {why}{'' if why.endswith(ENDS) else '.'}")
    if request.old_title:
        parts.append(f"The title was “{request.old_title}”.")
    elif request.is_edited:
        parts.append("The description is new.")
    if request.text:
        parts.append(f"They write: {request.text}")
    return " ".join(parts)


def unhide(asked: Asked) -> Done:
    request = _of_key(asked.staff, asked.key).first()
    if request is None:
        raise ValidationError(NO_LONGER_OPEN)
    try:
        answer_review(request=request, by=asked.staff, is_unhidden=True)
    except Video.DoesNotExist as error:
        raise ValidationError(NO_LONGER_OPEN) from error
    return Done(sentence=f"“{request.video.title}” is no longer hidden.")


SOURCE = Source(
    kind="reviews",
    title="Hidden videos to look at again",
    checked="hidden videos",
    order=8,
    may_see=lambda staff: staff.has_perm("videos.change_video"),
    find=find,
    count=lambda staff: bounded_count(open_reviews(staff)),
    acts={"unhide": unhide},
)
