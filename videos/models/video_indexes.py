"""The indexes of videos. Each list of videos reads one of them in its order."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q

# Videos that every member may watch, as videos.querysets.published_q has it.
PUBLISHED: Final = Q(processing_status="COMPLETED", is_hidden=False, trashed_at__isnull=True)

INDEXES: Final = [
    models.Index(
        fields=["-created_at", "-id"],
        condition=PUBLISHED,
        name="videos_feed_newest",
    ),
    models.Index(
        fields=["-view_count", "-id"],
        condition=PUBLISHED,
        name="videos_feed_views",
    ),
    models.Index(fields=["category", "-created_at", "-id"], name="videos_by_category"),
    models.Index(fields=["category", "-view_count", "-id"], name="videos_by_category_views"),
    models.Index(fields=["uploaded_by", "-created_at", "-id"], name="videos_by_uploader"),
    models.Index(
        fields=["uploaded_by", "content_hash"],
        condition=~Q(content_hash=""),
        name="videos_by_content",
    ),
    models.Index(fields=["uploaded_by", "-view_count", "-id"], name="videos_by_uploader_views"),
    models.Index(
        fields=["processing_status", "is_refused", "created_at", "id"],
        condition=Q(processing_status="FAILED", is_sample=False) & ~Q(source_key=""),
        name="videos_failed",
    ),
    # For counting the videos of each member from the index alone.
    models.Index(
        fields=["uploaded_by", "is_hidden", "processing_status", "trashed_at"],
        name="videos_published_by",
    ),
    models.Index(
        fields=["uploaded_by", "-trashed_at", "-id"],
        condition=Q(trashed_at__isnull=False),
        name="videos_trash_of_uploader",
    ),
    models.Index(
        fields=["trashed_at", "id"],
        condition=Q(trashed_at__isnull=False, was_trashed_with_member=False),
        name="videos_trash_by_age",
    ),
    # For restoring a member's videos. SET_NULL looks for trashed_by in few rows.
    models.Index(
        fields=["uploaded_by", "id"],
        condition=Q(was_trashed_with_member=True),
        name="videos_trash_with_member",
    ),
    models.Index(
        fields=["trashed_by"],
        condition=Q(trashed_by__isnull=False),
        name="videos_trash_by_member",
    ),
    # For lists of staff, which SQLite would otherwise sort as a whole.
    models.Index(
        fields=["-created_at", "-id"],
        condition=Q(trashed_at__isnull=True),
        name="videos_outside_trash",
    ),
    models.Index(
        fields=["-created_at", "-id"],
        condition=Q(trashed_at__isnull=False),
        name="videos_in_trash",
    ),
    models.Index(fields=["-created_at", "-id"], condition=Q(is_hidden=True), name="videos_hidden"),
    # For the sum of each member's stored bytes from the index alone.
    models.Index(fields=["uploaded_by", "stored_bytes"], name="videos_stored_by"),
]
