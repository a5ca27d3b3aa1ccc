"""Requested removals of stored files, and requested deletions of videos."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from videos.enums import RemovalReason


class Removal(models.Model):
    """A stored file, or the folder of an upload, that is to be removed after `due_at`.

    The row is written in the transaction that makes the file unneeded, and deleted when the file is
    gone. Nothing else removes a stored file. See videos.services.removals. A worker that removes
    the file has the row leased until `taken_until`.
    """

    root = models.CharField(max_length=50, help_text="The name of a storage root.")
    key = models.CharField(max_length=300, help_text="The path of the file, relative to the root.")
    video_id = models.UUIDField(null=True, help_text="The video that it belonged to, if any.")
    reason = models.CharField(max_length=12, choices=RemovalReason)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    taken_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "removals"
        ordering = ["next_try_at", "id"]
        indexes = [
            models.Index(fields=["next_try_at", "id"], name="removals_next"),
            models.Index(fields=["video_id"], name="removals_by_video"),
            models.Index(
                fields=["taken_until"],
                condition=Q(taken_until__isnull=False),
                name="removals_taken",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["root", "key"], name="removals_one_a_file"),
            models.CheckConstraint(
                condition=Q(reason__in=RemovalReason.values), name="removals_reason_known"
            ),
            models.CheckConstraint(condition=~Q(key=""), name="removals_name_a_file"),
        ]

    def __str__(self) -> str:
        return self.key


class VideoDeletion(models.Model):
    """A video that staff chose to delete with many others. A worker puts such videos into the
    trash, or deletes them for good, in batches (videos.services.deletions)."""

    video = models.OneToOneField(
        "videos.Video", models.CASCADE, primary_key=True, related_name="deletion"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    # True for marks of the versions without a trash.
    is_for_good = models.BooleanField(default=True)

    class Meta:
        db_table = "video_deletions"

    def __str__(self) -> str:
        return f"deletion of {self.video}"
