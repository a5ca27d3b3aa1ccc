"""Undoing acts on videos and comments that are in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from accounts.models import Role
from categories.models import Category
from clipset.lib.refusals import RefusedError
from siteconfig.undo import (
    CHANGED_SINCE,
    GONE,
    NOT_ALLOWED,
    May,
    Run,
    may_act_on_members_below,
    refuse_if_changed,
    register_undo,
)
from videos.models import Comment, Report, Video
from videos.services.comments import restore_comment
from videos.services.details import move_to_category
from videos.services.hiding import hide_comment, hide_video, unhide_comment, unhide_video
from videos.services.locks import lock_uploader, lock_videos
from videos.services.reports import reopen_report
from videos.services.trash import restore_video

if TYPE_CHECKING:
    from accounts.models import User
    from siteconfig.models import AuditEntry

CATEGORY_GONE = "The category “%(name)s” doesn't exist anymore."


def _may_change(_entry: AuditEntry, by: User) -> bool:
    return by.has_perm("videos.change_video")  # also one of an admin or a peer


def _refuse_above(entry: AuditEntry, by: User, owner: User) -> None:
    """Moderators undo their own acts on things of anybody, and those of others only as long as the
    owner ranks below. Raises: RefusedError."""
    is_above = Role(owner.role).rank >= Role(by.role).rank
    if is_above and entry.actor_id != by.pk and not by.is_admin:
        raise RefusedError(NOT_ALLOWED, status=403)


def _unchanged(entry: AuditEntry, by: User) -> Video:
    """Returns the video, locked, as the entry left it. Raises: RefusedError."""
    found = Video.objects.select_for_update(of=("self",)).select_related("uploaded_by")
    video = found.filter(pk=entry.object_id).first()
    if video is None:
        raise RefusedError(GONE)
    _refuse_above(entry, by, video.uploaded_by)
    refuse_if_changed(video, entry)
    return video


def _refuse_if_by_another(entry: AuditEntry, by: UUID | None) -> None:
    """What somebody else has done again since is theirs, even if it looks the same.

    Args:
        by: who hid the thing or put it into the trash, by its row.

    Raises: RefusedError.
    """
    if by is not None and entry.actor_id is not None and by != entry.actor_id:
        raise RefusedError(CHANGED_SINCE)


def _restore_visibility(entry: AuditEntry, by: User) -> None:
    video, before = _unchanged(entry, by), entry.before
    _refuse_if_by_another(entry, video.hidden_by_id)
    if before["is_hidden"]:
        reason, text = before["hidden_reason"], before["hidden_text"]
        hide_video(video=video, by=by, reason=reason, text=text, is_undo=True)
    else:
        unhide_video(video=video, by=by)


def _move_back(entry: AuditEntry, by: User) -> None:
    video = _unchanged(entry, by)
    category = Category.objects.filter(pk=entry.before["category_id"]).first()
    if category is None and entry.before["category_id"] is not None:
        name = entry.before.get("category") or ""
        raise RefusedError(CATEGORY_GONE % {"name": name})
    move_to_category(video=video, category=category)


def _restore_from_trash(entry: AuditEntry, by: User) -> None:
    key = UUID(entry.object_id)
    lock_uploader(key)
    lock_videos([key])
    video = _unchanged(entry, by)
    if not video.is_trashed:
        raise RefusedError(CHANGED_SINCE)
    _refuse_if_by_another(entry, video.trashed_by_id)
    restore_video(video=video, by=by)


def _may_change_comment(_entry: AuditEntry, by: User) -> bool:
    return by.has_perm("videos.delete_comment")


def _unchanged_comment(entry: AuditEntry, by: User) -> Comment:
    """Returns the comment, locked, as the entry left it. Raises: RefusedError."""
    found = Comment.objects.select_for_update(of=("self",)).select_related("author")
    comment = found.filter(pk=entry.object_id).first()
    if comment is None:
        raise RefusedError(GONE)
    _refuse_above(entry, by, comment.author)
    refuse_if_changed(comment, entry)
    return comment


def _restore_visibility_of_comment(entry: AuditEntry, by: User) -> None:
    comment, before = _unchanged_comment(entry, by), entry.before
    _refuse_if_by_another(entry, comment.hidden_by_id)
    if comment.is_hidden == before["is_hidden"] or comment.is_deleted:
        raise RefusedError(CHANGED_SINCE)
    if before["is_hidden"]:
        hide_comment(
            comment=comment, by=by, reason=before["hidden_reason"], text=before["hidden_text"]
        )
    else:
        unhide_comment(comment=comment, by=by)


def _restore_comment(entry: AuditEntry, by: User) -> None:
    comment = _unchanged_comment(entry, by)
    if not comment.is_deleted:
        raise RefusedError(CHANGED_SINCE)
    restore_comment(comment=comment)


def _may_reopen(entry: AuditEntry, by: User) -> bool:
    return may_act_on_members_below(entry, by, "videos.change_report")


def _reopen(entry: AuditEntry, by: User) -> None:
    report = Report.objects.filter(pk=entry.object_id).first()
    if report is None:
        raise RefusedError(GONE)
    refuse_if_changed(report, entry)
    try:
        reopen_report(report=report, by=by)
    except Report.DoesNotExist as error:
        raise RefusedError(NOT_ALLOWED, status=403) from error


_VISIBILITY: Final = frozenset({"is_hidden", "hidden_reason", "hidden_text"})
# Action, how it is undone, who may, the action of the undo, and what the entry must hold.
_UNDOS: Final[tuple[tuple[str, Run, May, str, frozenset[str]], ...]] = (
    ("video.trash", _restore_from_trash, _may_change, "video.restore", frozenset({"is_trashed"})),
    ("video.hide", _restore_visibility, _may_change, "video.unhide", _VISIBILITY),
    ("video.unhide", _restore_visibility, _may_change, "video.hide", _VISIBILITY),
    ("video.move", _move_back, _may_change, "video.move", frozenset({"category_id"})),
    (
        *("comment.delete", _restore_comment, _may_change_comment, "comment.restore"),
        frozenset({"deleted_at"}),
    ),
    (
        *("comment.hide", _restore_visibility_of_comment, _may_change_comment, "comment.unhide"),
        _VISIBILITY,
    ),
    (
        *("comment.unhide", _restore_visibility_of_comment, _may_change_comment, "comment.hide"),
        _VISIBILITY,
    ),
    ("report.resolve", _reopen, _may_reopen, "report.reopen", frozenset({"state"})),
    ("report.reject", _reopen, _may_reopen, "report.reopen", frozenset({"state"})),
)


def register_undos() -> None:
    for action, run, may, counter_action, needs in _UNDOS:
        register_undo(action, run, may=may, counter_action=counter_action, needs=needs)
