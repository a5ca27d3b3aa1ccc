"""Comments on videos: writing, editing, deleting and restoring them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.services.audit import record_on_thing_of
from accounts.services.throttle import allow
from clipset.lib.refusals import RateLimitedError
from clipset.lib.text import clean_text
from clipset.ui.member_text import first_moment
from videos.models import Comment, Video
from videos.models.comment import MAX_TEXT, TEXT_BLANK, TEXT_TOO_LONG
from videos.services.notifications import notify_of_comment

if TYPE_CHECKING:
    from accounts.models import User

MAX_COMMENTS: Final = 20
MAX_EDITS: Final = 40
WITHIN: Final = timedelta(minutes=5)  # for both limits
# The same text again within this time is the same comment, submitted twice.
SAME_WITHIN: Final = timedelta(minutes=1)

TOO_MANY = "You're commenting too fast. Wait a few minutes and try again."
TOO_LATE_TO_EDIT = "Comments can be edited for 24 hours. Post a new one instead."
HIDDEN = "The comment you're replying to has been hidden by a moderator."
GONE = "The comment you're replying to is no longer there."


def write_comment(
    *, video: Video, author: User, text: str, reply_to: Comment | None = None
) -> Comment:
    """Stores a comment and notifies the members whom it concerns. A reply to a reply becomes one to
    the same comment. A comment that is submitted twice is stored once.

    Raises: ValidationError when the text is blank or too long, or the comment that it replies to
    was deleted; RateLimitedError; Video.DoesNotExist when the video was deleted meanwhile.
    """
    text = _checked(text)
    with transaction.atomic():
        Video.objects.select_for_update(no_key=True).only("pk").get(pk=video.pk)
        parent = _parent_of(video, reply_to)
        repeated = Comment.objects.present().filter(
            video=video,
            author=author,
            parent=parent,
            text=text,
            created_at__gt=timezone.now() - SAME_WITHIN,
        )
        if (same := repeated.first()) is not None:
            return same
        _allow("comment", author, MAX_COMMENTS)
        comment = Comment.objects.create(
            video=video, author=author, parent=parent, text=text, moment=first_moment(text)
        )
        notify_of_comment(comment=comment, reply_to=reply_to)
    return comment


def edit_comment(*, comment: Comment, text: str, editor: User) -> Comment:
    """Changes the text of the editor's own comment.

    Raises: ValidationError (blank, too long, too late); RateLimitedError; Comment.DoesNotExist
    when it was deleted or hidden meanwhile or is not the editor's.
    """
    text = _checked(text)
    if not comment.can_be_edited_by(editor):
        raise ValidationError(TOO_LATE_TO_EDIT)
    if text != comment.text:
        _allow("comment-edit", editor, MAX_EDITS)
        now = timezone.now()
        found = Comment.objects.readable().filter(pk=comment.pk, author=editor)
        if not found.update(text=text, moment=first_moment(text), edited_at=now):
            raise Comment.DoesNotExist
        comment.text, comment.edited_at = text, now
    return comment


def delete_comment(*, comment: Comment, by: User, reason: str = "") -> Comment:
    """Deletes a comment so that it can be restored; its replies stay. A deleted comment stays as it
    is. Raises: Comment.DoesNotExist when it was removed for good."""
    now = timezone.now()
    with transaction.atomic():
        if Comment.objects.filter(pk=comment.pk).mark_deleted(at=now, deleted_by=by):
            comment.deleted_at, comment.deleted_by = now, by
            after = {"deleted_at": now.isoformat()}
            _record(comment, "delete", reason=reason, before={"deleted_at": None}, after=after)
        else:
            comment.refresh_from_db(fields=["deleted_at", "deleted_by"])
    return comment


def restore_comment(*, comment: Comment) -> Comment:
    """Restores a deleted comment; a present one stays as it is. Raises: ValidationError when its
    text was removed for good."""
    same = Comment.objects.filter(pk=comment.pk)
    with transaction.atomic():
        if same.exclude(text="").mark_present(deleted_by=None):
            _record(comment, "restore", after={"deleted_at": None})
        elif not same.present().exists():
            raise ValidationError("It's too late to restore this comment.")
    comment.deleted_at = comment.deleted_by = None
    return comment


def forget_deleted_comments() -> int:
    """Removes comments for good that were deleted a week ago. One with replies keeps its row
    without its text. Returns how many rows were removed."""
    old = Comment.objects.outdated()
    removed, _ = old.filter(replies__isnull=True).delete()
    old.exclude(text="").update(text="", moment=None)
    return removed


def _record(comment: Comment, verb: str, **details: Any) -> None:
    record_on_thing_of(comment.author_id, f"comment.{verb}", comment, **details)


def _checked(text: str) -> str:
    """The cleaned text. Raises: ValidationError."""
    text = clean_text(text)
    if not text:
        raise ValidationError(TEXT_BLANK)
    if len(text) > MAX_TEXT:
        raise ValidationError(TEXT_TOO_LONG)
    return text


def _parent_of(video: Video, reply_to: Comment | None) -> Comment | None:
    """The comment that a reply is stored under, locked until the transaction ends, so that it is
    not removed meanwhile. Raises: ValidationError."""
    if reply_to is None:
        return None
    wanted = {reply_to.pk, reply_to.parent_id} - {None}
    found = Comment.objects.select_for_update(no_key=True, of=("self",)).select_related("author")
    found = found.filter(pk__in=wanted, video=video)
    by_key = {comment.pk: comment for comment in found}
    answered = by_key.get(reply_to.pk)
    if answered is None or len(by_key) < len(wanted):
        raise ValidationError(GONE)
    if not answered.is_shown:
        raise ValidationError(GONE)
    if answered.is_hidden:
        raise ValidationError(HIDDEN)
    return by_key[answered.parent_id or answered.pk]


def _allow(what: str, who: User, times: int) -> None:
    if not allow(what, str(who.pk), times=times, within=WITHIN):
        raise RateLimitedError(TOO_MANY, seconds=int(WITHIN.total_seconds()))
