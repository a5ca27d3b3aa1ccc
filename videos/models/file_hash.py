"""The SHA-256 of each stored file, for backups and checks."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class FileHash(models.Model):
    """Size and SHA-256 of one stored file.

    The content of a stored file never changes, except that files of older versions are finalised
    (videos.services.finalising).

    videos.services.file_hashes deletes rows of files that are gone.
    """

    root = models.CharField(max_length=50, help_text="The name of a storage root.")
    key = models.CharField(max_length=255, help_text="Relative to the root.")
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, help_text="Hexadecimal.")
    hashed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "file_hashes"
        constraints = [
            models.UniqueConstraint(fields=["root", "key"], name="file_hashes_one_a_file"),
        ]

    def __str__(self) -> str:
        return f"{self.root}/{self.key}"
