"""Videos."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.urls import reverse
from django.utils import timezone

from clipset.lib.ids import new_short_id
from clipset.lib.text import MAX_TITLE_LENGTH
from siteconfig.roots import root_path
from videos.enums import AUTOMATIC_FRAME, ProcessingStatus
from videos.models.constraints import at_most, not_blank
from videos.models.hiding import HideableModel, hiding_constraints
from videos.models.video_indexes import INDEXES
from videos.querysets import VideoQuerySet

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


MAX_DESCRIPTION: Final = 5000  # characters
TITLE_BLANK: Final = "Enter a title."
TITLE_TOO_LONG: Final = f"Titles can be up to {MAX_TITLE_LENGTH} characters."
DESCRIPTION_TOO_LONG: Final = f"A description has at most {MAX_DESCRIPTION:,} characters."


class Video(HideableModel):
    """A video, with the names of its files: the tallest rendition, thumbnail, storyboard, the
    source until it is processed, and the original if the video was re-encoded."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    short_id = models.CharField(
        max_length=10, unique=True, default=new_short_id, editable=False, db_index=True
    )
    title = models.CharField(max_length=MAX_TITLE_LENGTH, db_index=True)
    description = models.TextField(  # noqa: DJ001 owner's
        max_length=MAX_DESCRIPTION, null=True, blank=True
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="videos",
        db_column="uploaded_by",
        editable=False,
    )
    category = models.ForeignKey(
        "categories.Category", models.SET_NULL, null=True, blank=True, related_name="videos"
    )
    view_count = models.PositiveBigIntegerField(default=0, editable=False)
    is_hidden = models.BooleanField(
        "hidden", default=False, help_text="Only the uploader and staff can see it."
    )
    # With hidden_at, hidden_by, hidden_reason and hidden_text of HideableModel.
    is_sample = models.BooleanField(default=False, editable=False)

    processing_status = models.CharField(
        "state",
        max_length=10,
        choices=ProcessingStatus,
        default=ProcessingStatus.PENDING,
        db_index=True,
        editable=False,
    )
    error_message = models.TextField(null=True, blank=True, editable=False)  # noqa: DJ001 owner's
    processing_note = models.TextField(
        blank=True,
        default="",
        editable=False,
        help_text="What processing could not keep, in a sentence for the uploader.",
    )

    # Each file: the name of a storage root (siteconfig.roots) and a key relative to it.
    filename = models.CharField(max_length=100, unique=True, editable=False)
    storage_root = models.CharField(max_length=50, editable=False)
    thumbnail_filename = models.CharField(  # noqa: DJ001 owner's
        max_length=100, null=True, blank=True, editable=False
    )
    thumbnail_root = models.CharField(max_length=50, blank=True, default="", editable=False)
    source_root = models.CharField(max_length=50, blank=True, default="", editable=False)
    source_key = models.CharField(
        max_length=255,
        blank=True,
        default="",
        editable=False,
        help_text="The uploaded file, until it is processed.",
    )
    original_root = models.CharField(max_length=50, blank=True, default="", editable=False)
    original_key = models.CharField(
        max_length=255,
        blank=True,
        default="",
        editable=False,
        help_text="The uploaded file, kept because the video had to be encoded.",
    )

    storyboard_filename = models.CharField(max_length=100, blank=True, default="", editable=False)
    storyboard_root = models.CharField(max_length=50, blank=True, default="", editable=False)
    storyboard_grid = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="Layout of the tiles; see videos.transcode.storyboard.",
    )
    # AUTOMATIC_FRAME for a video that was just published.
    thumbnail_wanted_at = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="Time of the frame chosen as the thumbnail, in seconds, until it is made.",
    )

    original_filename = models.CharField(max_length=255, editable=False)
    file_size_bytes = models.BigIntegerField(
        editable=False, help_text="Uploaded bytes, which the quota counts."
    )
    content_hash = models.CharField(
        max_length=64,
        blank=True,
        default="",
        editable=False,
        help_text="Hash of the uploaded file (clipset.lib.blockhash); empty if unknown.",
    )
    duration_seconds = models.FloatField(null=True, blank=True, editable=False)
    width = models.PositiveIntegerField(null=True, blank=True, editable=False)
    height = models.PositiveIntegerField(null=True, blank=True, editable=False)
    stored_bytes = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="Bytes of all renditions."
    )
    is_refused = models.BooleanField(
        default=False,
        editable=False,
        help_text="It failed because of its content, so only staff can retry.",
    )
    was_copied = models.BooleanField(
        default=False, editable=False, help_text="The video track was copied without re-encoding."
    )

    # Bytes reserved of its uploader's weekly quota; 0 after their release.
    quota_bytes = models.BigIntegerField(default=0, editable=False)
    quota_reserved_at = models.DateTimeField(null=True, blank=True, editable=False)

    # Set while it is in the trash: files and rows stay, only its uploader and staff see it.
    trashed_at = models.DateTimeField("in the trash since", null=True, blank=True, editable=False)
    trashed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_column="trashed_by",
        db_index=False,
    )
    was_trashed_with_member = models.BooleanField(
        default=False,
        editable=False,
        help_text="It was put into the trash with its uploader, and is restored with them.",
    )

    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = VideoQuerySet.as_manager()

    class Meta:
        db_table = "videos"
        ordering = ["-created_at", "-id"]
        indexes = INDEXES
        constraints = [
            models.CheckConstraint(
                condition=Q(processing_status__in=ProcessingStatus.values),
                name="videos_status_known",
            ),
            not_blank("title", name="videos_title_not_blank", sentence=TITLE_BLANK),
            at_most("title", MAX_TITLE_LENGTH, name="videos_title_length", sentence=TITLE_TOO_LONG),
            models.CheckConstraint(
                condition=Q(description__isnull=True)
                | Q(LessThanOrEqual(Length("description"), MAX_DESCRIPTION)),
                name="videos_description_length",
                violation_error_message=DESCRIPTION_TOO_LONG,
            ),
            models.CheckConstraint(
                condition=Q(file_size_bytes__gte=0) & Q(quota_bytes__gte=0),
                name="videos_bytes_positive",
            ),
            models.CheckConstraint(
                condition=~Q(processing_status="FAILED")
                | (Q(error_message__isnull=False) & ~Q(error_message="")),
                name="videos_failure_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(trashed_at__isnull=False)
                | Q(trashed_by__isnull=True, was_trashed_with_member=False),
                name="videos_trash_has_a_time",
            ),
            *hiding_constraints("videos", is_hidden=Q(is_hidden=True)),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("watch", args=[self.short_id])

    @property
    def is_ready(self) -> bool:
        return self.processing_status == ProcessingStatus.COMPLETED

    @property
    def is_published(self) -> bool:
        """Whether every member may watch it."""
        return self.is_ready and not self.is_hidden and not self.is_trashed

    @property
    def is_trashed(self) -> bool:
        return self.trashed_at is not None

    @property
    def is_hidden_by_staff(self) -> bool:
        """Whether somebody else than its uploader hid it, so that the uploader can't unhide it."""
        return self.is_hidden and self.hidden_by_id != self.uploaded_by_id

    @property
    def is_failed(self) -> bool:
        return self.processing_status == ProcessingStatus.FAILED

    @property
    def is_unfinished(self) -> bool:
        return self.processing_status in {ProcessingStatus.PENDING, ProcessingStatus.PROCESSING}

    @property
    def file_path(self) -> Path:
        return root_path(self.storage_root) / self.filename

    @property
    def thumbnail_path(self) -> Path | None:
        if not self.thumbnail_filename:
            return None
        return root_path(self.thumbnail_root) / self.thumbnail_filename

    @property
    def chosen_frame_at(self) -> float | None:
        """The time in seconds of the frame that a member chose, until the thumbnail is made."""
        wanted = self.thumbnail_wanted_at
        return None if wanted == AUTOMATIC_FRAME else wanted

    @property
    def awaits_first_thumbnail(self) -> bool:
        return not self.thumbnail_filename and self.thumbnail_wanted_at is not None

    @property
    def storyboard_path(self) -> Path | None:
        if not self.storyboard_filename:
            return None
        return root_path(self.storyboard_root) / self.storyboard_filename

    @property
    def source_file(self) -> Path:
        """The source's path. Call it only if there is a `source_key`."""
        return root_path(self.source_root) / self.source_key

    @property
    def original_file(self) -> Path:
        """The original's path. Call it only if there is an `original_key`."""
        return root_path(self.original_root) / self.original_key

    @property
    def can_be_retried(self) -> bool:
        """Whether it failed, still has its source and is not in the trash."""
        return self.is_failed and bool(self.source_key) and not self.is_trashed

    def may_be_retried_by(self, user: User | AnonymousUser) -> bool:
        """The uploader may retry a failure on the site's side; staff may retry any."""
        return self.can_be_retried and (user.is_staff or not self.is_refused)
