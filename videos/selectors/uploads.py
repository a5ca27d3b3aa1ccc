"""A member's unfinished uploads, and the quota and storage that are left for more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.quota import quota_state
from accounts.services.stored_limit import stored_state
from siteconfig.services.config import current_config
from videos.models import Upload, UploadState

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from siteconfig.models import Config


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a member may still upload, in bytes; None without a limit."""

    quota: int | None
    storage: int | None


def bytes_left(user_id: UUID) -> Left:
    """What is left of the member's weekly quota and storage as the database has it now. One query,
    and one more with a storage limit."""
    user = User.objects.get(pk=user_id)
    config = current_config()
    quota = quota_state(user, config=config).left_bytes
    return Left(quota=quota, storage=storage_left(user, config=config))


def storage_left(user: User, *, config: Config | None = None) -> int | None:
    """Bytes left of the member's storage besides what unfinished uploads will store; None without a
    limit."""
    left = stored_state(user, config=config).left_bytes
    if not left:
        return left
    return max(0, left - promised_bytes(user))


def promised_bytes(user: User) -> int:
    """The size of the member's unfinished uploads. One query."""
    promised = Upload.objects.filter(user=user, state=UploadState.OPEN)
    return int(promised.aggregate(bytes=Sum("size_bytes", default=0))["bytes"])


def _playlist_id(upload: Upload) -> str:
    """The short id; "" without a playlist, or if it was deleted."""
    playlist = upload.playlist
    return playlist.short_id if playlist is not None and not playlist.is_deleted else ""
