"""A file that is on its way."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from clipset.lib.blockhash import START
from clipset.lib.text import MAX_TITLE_LENGTH
from siteconfig.roots import TEMP, root_path
from videos.enums import UploadState
from videos.models.video import MAX_DESCRIPTION


class Upload(models.Model):
    """What is reserved for a file on its way: quota and a folder below the temp folder.

    The plain form's row goes when its request is over. One that can be resumed stays, so that its
    address can be asked: while it is open, when it has become a video, and for a while when it
    was ended, by then without quota and files. What is open and gets no more bytes expires.

    Who writes holds a lease: its own token in `writer_token` until `writer_until`. The offset is
    saved on condition that the token still stands there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    state = models.CharField(max_length=8, choices=UploadState, default=UploadState.OPEN)
    is_resumable = models.BooleanField(default=False, help_text="By tus, not by the plain form.")
    quota_bytes = models.BigIntegerField(help_text="Reserved; 0 for those without a quota.")
    quota_reserved_at = models.DateTimeField(default=timezone.now)
    size_bytes = models.BigIntegerField(help_text="What the request said it would bring.")
    offset_bytes = models.BigIntegerField(default=0, help_text="What has come, as last saved.")
    hash_state = models.CharField(
        max_length=64,
        default=START,
        help_text="At the last whole block before the offset; of all, once all has come.",
    )
    root = models.CharField(
        max_length=50, default=TEMP, help_text="The storage root that its folder lies in."
    )
    filename = models.CharField(max_length=255, blank=True, default="")
    title = models.CharField(max_length=MAX_TITLE_LENGTH, blank=True, default="")
    description = models.TextField(max_length=MAX_DESCRIPTION, blank=True, default="")
    category = models.ForeignKey(
        "categories.Category", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    playlist = models.ForeignKey(
        "videos.Playlist", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    metadata = models.TextField(blank=True, default="", help_text="Upload-Metadata as it came.")
    video = models.ForeignKey(
        "videos.Video", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    writer_token = models.CharField(max_length=32, blank=True, default="")
    writer_until = models.DateTimeField(null=True, blank=True)
    writer_wanted = models.BooleanField(
        default=False, help_text="Somebody asks the one who writes to let go."
    )
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now, help_text="When bytes came last.")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "uploads"
        indexes = [
            models.Index(
                fields=["user", "-created_at"], condition=Q(state="OPEN"), name="uploads_open"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(quota_bytes__gte=0) & Q(size_bytes__gte=0),
                name="uploads_bytes_positive",
            ),
            models.CheckConstraint(
                condition=Q(offset_bytes__gte=0) & Q(offset_bytes__lte=F("size_bytes")),
                name="uploads_offset_within",
            ),
            models.CheckConstraint(
                condition=Q(state__in=UploadState.values), name="uploads_state_known"
            ),
            models.CheckConstraint(
                condition=(Q(state="OPEN", writer_until__isnull=False) & ~Q(writer_token=""))
                | Q(writer_token="", writer_until__isnull=True),
                name="uploads_writer_has_a_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.size_bytes} bytes"

    @property
    def folder_path(self) -> Path:
        return root_path(self.root) / self.folder_name

    @property
    def folder_name(self) -> str:
        """Relative to the root."""
        return f"upload-{self.pk.hex}"

    @property
    def source_path(self) -> Path:
        """Of a file whose name was said beforehand."""
        return self.folder_path / f"source{Path(self.filename).suffix.lower()}"

    @property
    def is_open(self) -> bool:
        return self.state == UploadState.OPEN

    @property
    def is_whole(self) -> bool:
        return self.offset_bytes == self.size_bytes

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
