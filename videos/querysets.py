"""Who sees what, and what is deleted: the only place that decides it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from clipset.lib.ids import hash_token
from siteconfig.services.heartbeat import alive_before
from videos.enums import NotificationKind, ProcessingStatus, ReportState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User
    from videos.models import (  # noqa: F401 named in base classes' types
        Caption,
        Comment,
        Notification,
        Playlist,
        PlaylistEntry,
        Report,
        Video,
    )
    from videos.models.soft_delete import SoftDeleteModel

_SoftDeleted = TypeVar("_SoftDeleted", bound="SoftDeleteModel")

UNDO_WITHIN: Final = timedelta(minutes=10)  # of a deletion or a revocation


def finished_q(prefix: str = "") -> Q:
    """Videos that are whole, hidden or not. `prefix` leads to the video: "video__"."""
    return Q(**{f"{prefix}processing_status": ProcessingStatus.COMPLETED})


def published_q(prefix: str = "") -> Q:
    """Videos that every member may watch: finished, not hidden and not in the trash. `prefix` leads
    to the video, such as "video__" from a notification."""
    return Q(
        **{
            f"{prefix}processing_status": ProcessingStatus.COMPLETED,
            f"{prefix}is_hidden": False,
            f"{prefix}trashed_at__isnull": True,
        }
    )


def outside_trash_q(prefix: str = "") -> Q:
    """Videos and members that are not in the trash. `prefix` leads to the row."""
    return Q(**{f"{prefix}trashed_at__isnull": True})


def present_q(prefix: str = "") -> Q:
    """Rows that are not deleted. `prefix` leads to the row, such as "comment__"."""
    return Q(**{f"{prefix}deleted_at__isnull": True})


def shown_comments_q(prefix: str = "") -> Q:
    """Comments that are shown: not deleted, and their author is not in the trash. `prefix` leads to
    the comment."""
    return present_q(prefix) & outside_trash_q(f"{prefix}author__")


def served_captions_q(prefix: str = "") -> Q:
    """Caption tracks that viewers and the search may read: not deleted, and not withheld until
    their uploader publishes them. `prefix` leads to the track, such as "caption__"."""
    return present_q(prefix) & Q(**{f"{prefix}is_withheld": False})


def _visible_to(user: User | AnonymousUser, prefix: str = "") -> Q | None:
    """Videos that this user may watch outside the trash: all of them for staff, else published ones
    and the user's own. None when the user may watch nothing."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_staff:
        return outside_trash_q(prefix)
    own = Q(**{f"{prefix}uploaded_by": user}) & outside_trash_q(prefix)
    return published_q(prefix) | own


class VideoQuerySet(models.QuerySet["Video"]):
    def published(self) -> VideoQuerySet:
        """Videos that every member may watch: finished and not hidden."""
        return self.filter(published_q())

    def finished(self) -> VideoQuerySet:
        """Videos that are whole, hidden or not."""
        return self.filter(finished_q())

    def outside_trash(self) -> VideoQuerySet:
        """Videos that are not in the trash."""
        return self.filter(outside_trash_q())

    def in_trash(self) -> VideoQuerySet:
        """Videos that were deleted and can be restored."""
        return self.filter(trashed_at__isnull=False)

    def visible_to(self, user: User | AnonymousUser) -> VideoQuerySet:
        """Videos that lists show to this user: all of them for staff, else published ones and the
        user's own. None of the trash."""
        visible = _visible_to(user)
        return self.none() if visible is None else self.filter(visible)

    def viewable_by(self, user: User | AnonymousUser) -> VideoQuerySet:
        """Videos that this user may watch at their own addresses: those of lists and, for their
        uploader and staff, those in the trash."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(published_q() | Q(uploaded_by=user))

    def restorable_by(self, user: User | AnonymousUser) -> VideoQuerySet:
        """Videos in the trash that this user may restore: the user's own; all of them for staff.

        Not those that went there with their uploader, who is restored with all of them.
        """
        return self.owned_by(user).in_trash().filter(was_trashed_with_member=False)

    def opened_by(self, token: str) -> VideoQuerySet:
        """The video that the guest link with this token opens at this moment, or nothing.

        A link opens no more than the member who created it may show: the member is still active
        and the uploader, and the video is published.
        """
        return self.opened_by_any([hash_token(token)])

    def opened_by_any(self, hashes: Collection[str]) -> VideoQuerySet:
        """The videos that guest links with these hashes of tokens open at this moment."""
        return self.filter(
            published_q(),
            guest_links__token_hash__in=hashes,
            guest_links__revoked_at=None,
            guest_links__expires_at__gt=timezone.now(),
            guest_links__created_by=F("uploaded_by"),
            uploaded_by__is_active=True,
        )

    def editable_by(self, user: User | AnonymousUser) -> VideoQuerySet:
        """Videos that this user may edit and delete: the user's own; all of them for staff. None
        of the trash."""
        return self.owned_by(user).outside_trash()

    def owned_by(self, user: User | AnonymousUser) -> VideoQuerySet:
        """The user's own videos, also in the trash; all videos for staff."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(uploaded_by=user)

    def for_cards(self) -> VideoQuerySet:
        """Adds what a video card shows, in the same query."""
        return self.select_related("uploaded_by", "category")


class SoftDeleteQuerySet(models.QuerySet[_SoftDeleted]):
    """Rows of a model that keeps deleted rows for a while (videos.models.soft_delete).

    Nothing is filtered without being asked for: each query says `present()` or `deleted()`.
    """

    def present(self) -> Self:
        """Rows that are not deleted."""
        return self.filter(present_q())

    def deleted(self) -> Self:
        """Rows that were deleted and are still kept."""
        return self.filter(deleted_at__isnull=False)

    def undoable(self) -> Self:
        """Deleted rows that may still be restored by the person who deleted them."""
        return self.filter(deleted_at__gt=timezone.now() - self.model.undo_within)

    def outdated(self) -> Self:
        """Deleted rows that are to be removed for good. One query besides.

        The days that the site was alive count, so that neither a sweep nor a clock that jumps
        meets somebody who is restoring the row.
        """
        return self.filter(deleted_at__lt=alive_before(days=self.model.keep_deleted_days))

    def mark_deleted(self, *, at: datetime | None = None, **changes: Any) -> int:
        """Deletes the present rows. `at` is the moment, now by default. Returns how many."""
        return self.present().update(deleted_at=at or timezone.now(), **changes)

    def mark_present(self, **changes: Any) -> int:
        """Restores the deleted rows. Returns how many."""
        return self.deleted().update(deleted_at=None, **changes)


class CaptionQuerySet(SoftDeleteQuerySet["Caption"]):
    def served(self) -> Self:
        """Tracks that viewers and the search may read."""
        return self.filter(served_captions_q())


class CommentQuerySet(SoftDeleteQuerySet["Comment"]):
    def shown(self) -> Self:
        """Comments that are shown: not deleted, and their author is not in the trash."""
        return self.filter(shown_comments_q())

    def readable(self) -> Self:
        """Comments that everybody who sees the video may read: shown and not hidden."""
        return self.shown().filter(hidden_at__isnull=True)


class PlaylistQuerySet(SoftDeleteQuerySet["Playlist"]):
    def shown(self) -> Self:
        """Playlists that others may open: not deleted, and their member is not in the trash."""
        return self.present().filter(outside_trash_q("made_by__"))


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: User | AnonymousUser) -> NotificationQuerySet:
        """The user's own notifications, without those about comments that are not shown any more,
        comments of others that are hidden, and videos that the user may not watch any more or that
        are in the trash. Those about reports and the account stay."""
        visible = _visible_to(user, "video__")
        if visible is None:
            return self.none()
        readable = Q(comment__hidden_at__isnull=True) | Q(comment__author=user.pk)
        about_shown = Q(comment__isnull=True) | (shown_comments_q("comment__") & readable)
        if visible:
            visible |= Q(report__isnull=False) | Q(kind=NotificationKind.ACCOUNT)
        return self.filter(member=user.pk).filter(about_shown).filter(visible)


class ReportQuerySet(models.QuerySet["Report"]):
    def open(self) -> ReportQuerySet:
        return self.filter(state=ReportState.OPEN)

    def handled_by_staff(self, user: User | AnonymousUser) -> ReportQuerySet:
        """Reports that this user may see and handle; none for members who are no staff.

        Nobody handles reports about themselves or their things. Those about a member of one's own
        rank or above are for admins only.
        """
        if not user.is_authenticated or not user.is_active or not user.is_staff:
            return self.none()
        others = self.filter(Q(member__isnull=True) | ~Q(member=user.pk))
        if user.is_superuser:
            return others
        return others.filter(Q(member__isnull=True) | Q(member__is_staff=False))

    def of_same_thing(self, report: Report) -> ReportQuerySet:
        """Reports of the same thing, this one too; only this one if its thing is gone."""
        thing = {"VIDEO": "video_id", "COMMENT": "comment_id", "MEMBER": "member_id"}[report.kind]
        key = getattr(report, thing)
        if key is None:
            return self.filter(pk=report.pk)
        return self.filter(kind=report.kind, **{thing: key})


class PlaylistEntryQuerySet(models.QuerySet["PlaylistEntry"]):
    def visible_to(self, user: User | AnonymousUser) -> PlaylistEntryQuerySet:
        """Entries whose videos this user may watch."""
        visible = _visible_to(user, "video__")
        return self.none() if visible is None else self.filter(visible)

    def finished(self) -> PlaylistEntryQuerySet:
        """Entries whose videos are whole."""
        return self.filter(finished_q("video__"))

    def in_order(self) -> PlaylistEntryQuerySet:
        """In the playlist's order. Of entries with the same position the older one comes first."""
        return self.order_by("position", "pk")

    def behind(self, position: int, pk: int) -> PlaylistEntryQuerySet:
        """Entries after the one with this position and key."""
        same = Q(position=position, pk__gt=pk)
        return self.filter(Q(position__gt=position) | same, position__gte=position)

    def ahead_of(self, position: int, pk: int) -> PlaylistEntryQuerySet:
        """Entries before the one with this position and key."""
        same = Q(position=position, pk__lt=pk)
        return self.filter(Q(position__lt=position) | same, position__lte=position)
