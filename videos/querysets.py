"""Who sees what: the only place that says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from clipset.lib.ids import hash_token
from siteconfig.services.heartbeat import alive_before

if TYPE_CHECKING:
    from videos.models import (  # noqa: F401 named in base classes' types
        Comment,
        Notification,
        PlaylistEntry,
        Video,
    )

_Model = TypeVar("_Model", bound=models.Model)

UNDO_WITHIN: Final = timedelta(minutes=10)  # of a deletion or a revocation
PUBLISHED = Q(processing_status="COMPLETED", is_hidden=False)


class VideoQuerySet(models.QuerySet["Video"]):
    def published(self) -> VideoQuerySet:
        """What every member sees: finished and not hidden."""
        return self.filter(PUBLISHED)

    def finished(self) -> VideoQuerySet:
        """What is whole, hidden or not."""
        return self.filter(processing_status="COMPLETED")

    def visible_to(self, user: Any) -> VideoQuerySet:
        """What this user may watch: all of it for staff, else the published and their own."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self.all()
        return self.filter(PUBLISHED | Q(uploaded_by=user))

    def opened_by(self, token: str) -> VideoQuerySet:
        """What this guest's link opens at this moment: its video, or nothing.

        It opens no more than its maker could: they are still a member and its uploader, and it is
        what every member sees.
        """
        return self.filter(
            PUBLISHED,
            guest_links__token_hash=hash_token(token),
            guest_links__revoked_at=None,
            guest_links__expires_at__gt=timezone.now(),
            guest_links__created_by=F("uploaded_by"),
            uploaded_by__is_active=True,
        )

    def editable_by(self, user: Any) -> VideoQuerySet:
        """What this user may edit and delete: their own; all of it for staff."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(uploaded_by=user)

    def for_cards(self) -> VideoQuerySet:
        """With what a video card shows, in one query."""
        return self.select_related("uploaded_by", "category")


class LiveManager(models.Manager[_Model]):
    """What is not deleted. As a model's first manager it rules forms, relations and the admin,
    too, so that nothing shows by mistake what can only be brought back."""

    def get_queryset(self) -> models.QuerySet[_Model]:
        return super().get_queryset().filter(deleted_at__isnull=True)


class DeletedManager(models.Manager[_Model]):
    """What was deleted and is kept for a while, so that it can be brought back."""

    def get_queryset(self) -> models.QuerySet[_Model]:
        return super().get_queryset().filter(deleted_at__isnull=False)

    def undoable(self) -> models.QuerySet[_Model]:
        return self.filter(deleted_at__gt=timezone.now() - UNDO_WITHIN)

    def outdated(self) -> models.QuerySet[_Model]:
        """A day of the site's life later, so that neither a sweep nor a clock that leaps meets
        somebody who brings it back. One query besides."""
        return self.filter(deleted_at__lt=alive_before(days=1))


class CommentQuerySet(models.QuerySet["Comment"]):
    def live(self) -> CommentQuerySet:
        """What is not deleted."""
        return self.filter(deleted_at__isnull=True)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: Any) -> NotificationQuerySet:
        """A member's own, but for those of deleted comments and of videos that they may not see
        any more."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        own = self.filter(member=user).filter(
            Q(comment__isnull=True) | Q(comment__deleted_at__isnull=True)
        )
        if user.is_staff:
            return own
        published = Q(video__processing_status="COMPLETED", video__is_hidden=False)
        return own.filter(published | Q(video__uploaded_by=user))


class PlaylistEntryQuerySet(models.QuerySet["PlaylistEntry"]):
    def visible_to(self, user: Any) -> PlaylistEntryQuerySet:
        """Those whose videos this user may watch."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self.all()
        published = Q(video__processing_status="COMPLETED", video__is_hidden=False)
        return self.filter(published | Q(video__uploaded_by=user))

    def finished(self) -> PlaylistEntryQuerySet:
        """Those whose videos are whole."""
        return self.filter(video__processing_status="COMPLETED")

    def in_order(self) -> PlaylistEntryQuerySet:
        """Places may be the same: who came first goes first."""
        return self.order_by("position", "pk")

    def behind(self, position: int, pk: int) -> PlaylistEntryQuerySet:
        """Those that come after this place."""
        same = Q(position=position, pk__gt=pk)
        return self.filter(Q(position__gt=position) | same, position__gte=position)

    def ahead_of(self, position: int, pk: int) -> PlaylistEntryQuerySet:
        """Those that come before this place."""
        same = Q(position=position, pk__lt=pk)
        return self.filter(Q(position__lt=position) | same, position__lte=position)
