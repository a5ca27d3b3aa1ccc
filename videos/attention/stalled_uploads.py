"""Uploads that stall: open, and without a byte for an hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from clipset.lib.units import human_bytes
from clipset.ui.template_tags import age_in_words
from siteconfig.attention import Act, Look, Picture, Row, Source, bounded_count
from videos.models import Upload, UploadState

if TYPE_CHECKING:
    from django.db.models import QuerySet


STALLED_AFTER: Final = timedelta(hours=1)


def stalled_uploads() -> QuerySet[Upload]:
    """The one without bytes for the longest time first.

    Not those of the plain form, which expire after minutes.
    """
    return Upload.objects.filter(
        state=UploadState.OPEN,
        is_resumable=True,
        touched_at__lt=timezone.now() - STALLED_AFTER,
    ).order_by("touched_at", "pk")


def find(look: Look) -> list[Row]:
    uploads = stalled_uploads().select_related("user")
    if look.key:
        try:
            uploads = uploads.filter(pk=UUID(look.key))
        except ValueError:
            return []
    return [_row(upload) for upload in uploads[: look.limit]]


def _row(upload: Upload) -> Row:
    page = reverse("admin:videos_upload_change", args=[upload.pk])
    done, size = human_bytes(upload.offset_bytes), human_bytes(upload.size_bytes)
    end = age_in_words(upload.expires_at, timezone.now())
    return Row(
        key=str(upload.pk),
        title=upload.title or upload.filename,
        url=page,
        why=f"{done} of {size} are uploaded, and no more arrives. Without more bytes it expires "
        f"{'soon' if upload.has_expired or end == 'just now' else end}.",
        who=upload.user.username,
        since=upload.touched_at,
        picture=Picture(icon="upload", url=upload.user.avatar_url, member=upload.user.username),
        # Ending it loses what was uploaded, so that is behind a page which asks.
        act=Act(label="Open", url=page),
        menu=(
            Act(label="Open profile", url=upload.user.get_absolute_url()),
            Act(
                label="End upload…",
                url=reverse("admin:videos_upload_delete", args=[upload.pk]),
                is_destructive=True,
            ),
        ),
    )


SOURCE = Source(
    kind="stalled-uploads",
    title="Stalled uploads",
    checked="uploads",
    order=70,
    may_see=lambda staff: staff.has_perm("videos.view_upload"),
    find=find,
    count=lambda _staff: bounded_count(stalled_uploads()),
    more=lambda: reverse("admin:videos_upload_changelist"),
)
