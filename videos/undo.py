"""Undoing acts on videos that are in the audit log.

"video.trash" is registered here, too, once there is a trash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import Role
from categories.models import Category
from clipset.lib.refusals import RefusedError
from siteconfig.undo import (
    GONE,
    NOT_ALLOWED,
    may_act_on_members_below,
    refuse_if_changed,
    register_undo,
)
from videos.models import Video
from videos.services.details import move_to_category, set_hidden

if TYPE_CHECKING:
    from accounts.models import User
    from siteconfig.models import AuditEntry

CATEGORY_GONE = "The category “%(name)s” doesn't exist anymore."


def _may_change(entry: AuditEntry, by: User) -> bool:
    return may_act_on_members_below(entry, by, "videos.change_video")


def _unchanged(entry: AuditEntry, by: User) -> Video:
    """Returns the video, locked, as the entry left it. Raises: RefusedError."""
    found = Video.objects.select_for_update(of=("self",)).select_related("uploaded_by")
    video = found.filter(pk=entry.object_id).first()
    if video is None:
        raise RefusedError(GONE)
    if not by.is_admin and Role(video.uploaded_by.role).rank >= Role(by.role).rank:
        raise RefusedError(NOT_ALLOWED, status=403)
    refuse_if_changed(video, entry)
    return video


def _restore_visibility(entry: AuditEntry, by: User) -> None:
    set_hidden(video=_unchanged(entry, by), hidden=entry.before["is_hidden"])


def _move_back(entry: AuditEntry, by: User) -> None:
    video = _unchanged(entry, by)
    category = Category.objects.filter(pk=entry.before["category_id"]).first()
    if category is None and entry.before["category_id"] is not None:
        name = entry.before.get("category") or ""
        raise RefusedError(CATEGORY_GONE % {"name": name})
    move_to_category(video=video, category=category)


def register_undos() -> None:
    for action, counter_action in (
        ("video.hide", "video.unhide"),
        ("video.unhide", "video.hide"),
    ):
        register_undo(
            action,
            _restore_visibility,
            may=_may_change,
            counter_action=counter_action,
            needs=frozenset({"is_hidden"}),
        )
    register_undo(
        "video.move",
        _move_back,
        may=_may_change,
        counter_action="video.move",
        needs=frozenset({"category_id"}),
    )
