"""Requests of uploaders to look again at a hidden video, and what moderators answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import Role
from accounts.services.throttle import allow
from clipset.lib.refusals import RateLimitedError
from siteconfig.services.audit import record_by_staff
from videos.models import ReviewRequest, ReviewState, Video
from videos.services.hiding import (
    check_may_unhide,
    checked_message,
    hidden_state,
    unhide_video,
)
from videos.services.notifications import notify_of_kept_video

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

MAX_REQUESTS: Final = 5
WITHIN: Final = timedelta(days=1)

NOT_HIDDEN: Final = "This video isn't hidden by a moderator any more. Reload the page."
ALREADY_ASKED: Final = "You've asked already. You'll get a notification with the answer."
SAY_SOMETHING: Final = "Say why moderators should look again."
SAY_WHY_KEPT: Final = "Say why the video stays hidden. The uploader will see it."
ANSWERED: Final = "Someone has answered this request in the meantime."
TOO_MANY: Final = "You've asked too often. Try again tomorrow."


def ask_for_review(*, video: Video, by: User, text: str) -> ReviewRequest:
    """Asks moderators to look again at a video that they hid. A request that the uploader's new
    details opened gets this text.

    Raises: ValidationError; RateLimitedError; Video.DoesNotExist when it was deleted meanwhile.
    """
    text = checked_message(text)
    if not text:
        raise ValidationError(SAY_SOMETHING)
    with transaction.atomic():
        request = _open_request(video, by)
        if request.text:
            raise ValidationError(ALREADY_ASKED)
        _allow(by)
        request.text = text
        request.save()
    return request


def ask_for_review_of_edit(
    *, video: Video, by: User, old_title: str, old_description: str
) -> ReviewRequest | None:
    """Asks moderators to look at new details of a video that they hid.

    Returns None if nothing was changed, the video is not hidden by others, or its uploader asks too
    often: the details are saved in any case.
    """
    if not video.is_hidden_by_staff or video.uploaded_by_id != by.pk:
        return None
    has_new_title = video.title != old_title
    if not has_new_title and (video.description or "") == old_description:
        return None
    try:
        with transaction.atomic():
            request = _open_request(video, by)
            if request._state.adding:
                _allow(by)
            request.is_edited = True
            if has_new_title and not request.old_title:
                request.old_title = old_title
            request.save()
    except (ValidationError, RateLimitedError):
        return None
    return request


def answer_review(
    *, request: ReviewRequest, by: User, is_unhidden: bool, message: str = ""
) -> ReviewRequest:
    """Unhides the video or keeps it hidden, and notifies the uploader. Of two answers the first
    one counts.

    Args:
        by: a member of staff.
        message: to the uploader; needed if the video stays hidden.

    Raises: ValidationError; Video.DoesNotExist when it was deleted meanwhile.
    """
    message = checked_message(message)
    with transaction.atomic():
        video = _locked(request.video_id)
        if not ReviewRequest.objects.filter(pk=request.pk, state=ReviewState.OPEN).exists():
            raise ValidationError(ANSWERED)
        check_may_unhide(video, by)
        if is_unhidden:
            unhide_video(video=video, by=by, message=message)
        elif not message:
            raise ValidationError(SAY_WHY_KEPT)
        else:
            _keep_hidden(request, video, by=by, message=message)
    request.refresh_from_db()
    return request


def _keep_hidden(request: ReviewRequest, video: Video, *, by: User, message: str) -> None:
    ReviewRequest.objects.filter(pk=request.pk).update(
        state=ReviewState.KEPT, answered_at=timezone.now(), answered_by=by, message=message
    )
    notify_of_kept_video(video=video, text=message)
    state = hidden_state(video)
    record_by_staff(
        "video.keep_hidden",
        video,
        owner=video.uploaded_by_id,
        rank=Role(video.uploaded_by.role).rank,
        reason=message,
        before=state,
        after=state,
    )


def _locked(video_id: UUID) -> Video:
    """The video, locked so that one request at a time is opened or answered. Raises:
    Video.DoesNotExist."""
    found = Video.objects.select_for_update(of=("self",)).select_related("uploaded_by")
    return found.get(pk=video_id)


def _open_request(video: Video, by: User) -> ReviewRequest:
    """The video's open request, or a new one that is not saved. Raises: ValidationError;
    Video.DoesNotExist."""
    current = _locked(video.pk)
    if not current.is_hidden_by_staff or current.uploaded_by_id != by.pk:
        raise ValidationError(NOT_HIDDEN)
    request = ReviewRequest.objects.filter(video=current, state=ReviewState.OPEN).first()
    return request or ReviewRequest(video=current)


def _allow(who: User) -> None:
    if not allow("review", str(who.pk), times=MAX_REQUESTS, within=WITHIN):
        raise RateLimitedError(TOO_MANY, seconds=int(WITHIN.total_seconds()))
