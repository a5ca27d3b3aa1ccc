"""Hides videos and comments with a reason, and unhides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import Role
from clipset.lib.text import clean_text
from siteconfig.services.audit import record_by_staff
from videos.models import Comment, HiddenReason, ReviewRequest, ReviewState, Video
from videos.models.hiding import MAX_REASON, REASON_TOO_LONG
from videos.models.review_request import MAX_TEXT, TEXT_TOO_LONG
from videos.services.notifications import (
    notify_of_hidden_comment,
    notify_of_hidden_video,
    notify_of_unhidden_comment,
    notify_of_unhidden_video,
)
from videos.services.search_index import index_details

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models.hiding import HideableModel

_Hideable = TypeVar("_Hideable", Video, Comment)

CHOOSE_REASON: Final = "Choose a reason. The uploader will see it."
SAY_WHY: Final = "Say why in your own words, or choose another reason."
HIDDEN_BY_OTHERS: Final = "Someone else hid this. Ask another moderator to look at it."
DELETED: Final = "This comment was deleted."

_FIELDS: Final = ("hidden_at", "hidden_by", "hidden_reason", "hidden_text")


def hide_video(
    *, video: Video, by: User, reason: str = "", text: str = "", is_undo: bool = False
) -> Video:
    """Hides a video from members other than its uploader and staff, or changes the reason.

    Args:
        by: a member of staff. Their own video needs no reason.
        reason: one of HiddenReason, which the uploader reads with `text`, but not who chose it.
        is_undo: whether it is hidden again as it was, so also without a reason.

    Raises: ValidationError by field; Video.DoesNotExist when it was deleted meanwhile.
    """
    is_own = video.uploaded_by_id == by.pk
    reason, text = _checked_reason(reason, text, is_needed=not is_own and not is_undo)
    with transaction.atomic():
        current = _locked(video)
        is_same = current.is_hidden and (current.hidden_reason, current.hidden_text) == (
            reason,
            text,
        )
        # Hiding again must not make its uploader the one who hid it, and may unhide it.
        if not is_same and not (is_own and current.is_hidden):
            before = hidden_state(current)
            current.is_hidden = True
            _set(current, by=by, reason=reason, text=text)
            _save(current)
            if not is_own:
                notify_of_hidden_video(video=current)
            _record("video.hide", current, before)
    return _copied(current, video)


def unhide_video(*, video: Video, by: User, message: str = "") -> Video:
    """Unhides a video and answers the uploader's open request for a review, if there is one.

    Args:
        by: a member of staff.
        message: to the uploader.

    Raises: ValidationError; Video.DoesNotExist when it was deleted meanwhile.
    """
    message = checked_message(message)
    with transaction.atomic():
        current = _locked(video)
        if current.is_hidden:
            check_may_unhide(current, by)
            before, was_hidden_by_staff = hidden_state(current), current.is_hidden_by_staff
            current.is_hidden = False
            _clear(current)
            _save(current)
            is_answer = ReviewRequest.objects.filter(video=current, state=ReviewState.OPEN).update(
                state=ReviewState.UNHIDDEN,
                answered_at=timezone.now(),
                answered_by=by,
                message=message,
            )
            if was_hidden_by_staff:
                notify_of_unhidden_video(video=current, text=message, is_answer=bool(is_answer))
            _record("video.unhide", current, before, reason=message)
    return _copied(current, video)


def check_may_unhide(video: Video, by: User) -> None:
    """Raises: ValidationError for the uploader of a video that somebody else hid, unless they are
    an admin."""
    if video.is_hidden_by_staff and video.uploaded_by_id == by.pk and not by.is_admin:
        raise ValidationError(HIDDEN_BY_OTHERS)


def hidden_state(thing: Video | Comment) -> dict[str, Any]:
    """What the audit log keeps about the visibility of a video or comment."""
    return {
        "is_hidden": thing.is_hidden,
        "hidden_reason": thing.hidden_reason,
        "hidden_text": thing.hidden_text,
    }


def hide_comment(*, comment: Comment, by: User, reason: str, text: str = "") -> Comment:
    """Hides the text of a comment from all but its author and staff, or changes the reason.

    Raises: ValidationError by field; Comment.DoesNotExist when it was removed meanwhile.
    """
    reason, text = _checked_reason(reason, text, is_needed=True)
    with transaction.atomic():
        current = _locked_comment(comment)
        if current.is_deleted:
            raise ValidationError(DELETED)
        if current.author_id == by.pk:
            raise ValidationError("This comment is yours. Delete it instead.")
        before = hidden_state(current)
        if before != {"is_hidden": True, "hidden_reason": reason, "hidden_text": text}:
            _set(current, by=by, reason=reason, text=text)
            current.save(update_fields=_FIELDS)
            notify_of_hidden_comment(comment=current)
            _record("comment.hide", current, before)
    return _copied(current, comment)


def unhide_comment(*, comment: Comment, by: User) -> Comment:
    """Shows a hidden comment again.

    Raises: ValidationError; Comment.DoesNotExist when it was removed meanwhile.
    """
    with transaction.atomic():
        current = _locked_comment(comment)
        if current.is_hidden:
            if current.author_id == by.pk and not by.is_admin:
                raise ValidationError(HIDDEN_BY_OTHERS)
            before = hidden_state(current)
            _clear(current)
            current.save(update_fields=_FIELDS)
            notify_of_unhidden_comment(comment=current)
            _record("comment.unhide", current, before)
    return _copied(current, comment)


def checked_message(message: str) -> str:
    """The cleaned text of a moderator or an uploader. Raises: ValidationError."""
    message = clean_text(message)
    if len(message) > MAX_TEXT:
        raise ValidationError(TEXT_TOO_LONG)
    return message


def _checked_reason(reason: str, text: str, *, is_needed: bool) -> tuple[str, str]:
    """Raises: ValidationError by field."""
    text = clean_text(text)
    if len(text) > MAX_REASON:
        raise ValidationError({"text": REASON_TOO_LONG})
    if reason not in HiddenReason.values and (reason or is_needed):
        raise ValidationError({"reason": CHOOSE_REASON})
    if reason == HiddenReason.OTHER and not text:
        raise ValidationError({"text": SAY_WHY})
    return (reason, text) if reason else ("", "")


def _locked(video: Video) -> Video:
    """The video as stored now, locked until the transaction ends. Raises: Video.DoesNotExist."""
    found = Video.objects.select_for_update(of=("self",)).select_related("uploaded_by")
    return found.get(pk=video.pk)


def _locked_comment(comment: Comment) -> Comment:
    """As `_locked`. Raises: Comment.DoesNotExist."""
    found = Comment.objects.select_for_update(of=("self",)).select_related("author")
    return found.get(pk=comment.pk)


def _set(thing: HideableModel, *, by: User, reason: str, text: str) -> None:
    thing.hidden_at = timezone.now()
    thing.hidden_by = by
    thing.hidden_reason, thing.hidden_text = reason, text


def _clear(thing: HideableModel) -> None:
    thing.hidden_at = thing.hidden_by = None
    thing.hidden_reason = thing.hidden_text = ""


def _save(video: Video) -> None:
    video.save(update_fields=[*_FIELDS, "is_hidden", "updated_at"])
    index_details(video.pk)


def _copied(current: _Hideable, given: _Hideable) -> _Hideable:
    """The caller's object, with the visibility that is stored now."""
    for name in (*_FIELDS, "is_hidden", "updated_at"):
        if name in {field.name for field in current._meta.concrete_fields}:
            setattr(given, name, getattr(current, name))
    return given


def _record(
    action: str, thing: Video | Comment, before: dict[str, Any], *, reason: str = ""
) -> None:
    owner = thing.author if isinstance(thing, Comment) else thing.uploaded_by
    record_by_staff(
        action,
        thing,
        owner=owner.pk,
        rank=Role(owner.role).rank,
        reason=reason or thing.hidden_sentence,
        before=before,
        after=hidden_state(thing),
    )
