"""A member's unfinished uploads, and the quota that is left for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.quota import quota_state
from videos.models import Upload, UploadState

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


def open_uploads(user: User) -> QuerySet[Upload]:
    """The resumable uploads that the member can continue, newest first."""
    return Upload.objects.filter(
        user=user, is_resumable=True, state=UploadState.OPEN, expires_at__gt=timezone.now()
    ).order_by("-created_at", "-pk")


def unfinished_uploads(user: User) -> list[dict[str, str | int]]:
    """The open uploads, as the upload page reads them. One query."""
    return [
        {
            "url": upload_address(upload),
            "filename": upload.filename,
            "size": upload.size_bytes,
            "offset": upload.offset_bytes,
            "title": upload.title,
            "description": upload.description,
            "category": upload.category.slug if upload.category else "",
            "playlist": _playlist_id(upload),
            "created_at": upload.created_at.isoformat(),
            "expires_at": upload.expires_at.isoformat(),
        }
        for upload in open_uploads(user).select_related("category", "playlist")
    ]


def upload_address(upload: Upload) -> str:
    """Where a client continues the upload."""
    return reverse("one_upload", args=[upload.pk])


def quota_left(user_id: UUID) -> int | None:
    """Bytes left of the member's weekly quota as the database has it now; None without a limit."""
    return quota_state(User.objects.get(pk=user_id)).left_bytes


def _playlist_id(upload: Upload) -> str:
    """The short id; "" without a playlist, or if it was deleted."""
    playlist = upload.playlist
    return playlist.short_id if playlist is not None and not playlist.is_deleted else ""
