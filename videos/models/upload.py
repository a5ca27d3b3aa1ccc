"""A file that is on its way."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Upload(models.Model):
    """What is reserved for a file on its way: quota and a folder below the temp folder.

    The row goes when the file has become a video or was refused. If the process dies between,
    the row expires: the sweep gives the bytes back and removes the folder.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    quota_bytes = models.BigIntegerField(help_text="Reserved; 0 for those without a quota.")
    quota_reserved_at = models.DateTimeField(default=timezone.now)
    size_bytes = models.BigIntegerField(help_text="What the request said it would bring.")
    folder = models.CharField(max_length=700)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "uploads"
        constraints = [
            models.CheckConstraint(
                condition=Q(quota_bytes__gte=0) & Q(size_bytes__gte=0),
                name="uploads_bytes_positive",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.size_bytes} bytes"

    @property
    def folder_path(self) -> Path:
        return Path(self.folder)
