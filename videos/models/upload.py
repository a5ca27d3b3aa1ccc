"""Uploads: files that are being uploaded."""

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
    """An upload, with the quota and the folder that are reserved for it.

    The row of an upload by the plain form is deleted when its request ends. That of a resumable
    upload stays, since its address answers while it is open, after it became a video, and for a
    while after it was ended; quota, files and metadata are gone by then. An open upload without new
    bytes expires.

    The process that writes has a lease: its token is in `writer_token` until `writer_until`. The
    offset is saved on condition of that token.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    state = models.CharField(max_length=8, choices=UploadState, default=UploadState.OPEN)
    is_resumable = models.BooleanField(
        default=False, help_text="Uploaded by tus, not by the plain form."
    )
    quota_bytes = models.BigIntegerField(
        help_text="Reserved bytes; 0 for a member without a quota."
    )
    quota_reserved_at = models.DateTimeField(default=timezone.now)
    size_bytes = models.BigIntegerField(help_text="Length that the client announced, in bytes.")
    offset_bytes = models.BigIntegerField(
        default=0, help_text="Bytes that are on the disk, as last saved."
    )
    hash_state = models.CharField(
        max_length=64,
        default=START,
        help_text="Hash state at the last whole block; once the upload is whole, the hash.",
    )
    root = models.CharField(
        max_length=50, default=TEMP, help_text="The storage root of its folder."
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
    metadata = models.TextField(blank=True, default="", help_text="Upload-Metadata, unchanged.")
    video = models.ForeignKey(
        "videos.Video", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    writer_token = models.CharField(max_length=32, blank=True, default="")
    writer_until = models.DateTimeField(null=True, blank=True)
    writer_wanted = models.BooleanField(
        default=False, help_text="Another request asks the writer to stop."
    )
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(
        default=timezone.now, help_text="When bytes were received last."
    )
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "uploads"
        indexes = [
            models.Index(
                fields=["-created_at", "-id"], condition=Q(state="OPEN"), name="uploads_by_time"
            ),
            models.Index(
                fields=["user", "-created_at"], condition=Q(state="OPEN"), name="uploads_open"
            ),
            # For counting what a member created in an hour.
            models.Index(fields=["user", "-created_at"], name="uploads_by_member"),
            models.Index(
                fields=["touched_at", "id"],
                condition=Q(state="OPEN", is_resumable=True),
                name="uploads_stalled",
            ),
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
        """The file of a resumable upload, whose name is known from the start."""
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
