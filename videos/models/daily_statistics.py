"""Statistics of each day, from which the admin draws its charts."""

from __future__ import annotations

from typing import TypedDict

from django.db import models
from django.utils import timezone


class Share(TypedDict):
    """The videos of one member or one category. `key` is its id; "" for videos of no category."""

    key: str
    videos: int
    bytes: int


class OtherShares(TypedDict):
    """The videos of the others together. `count` is how many members or categories these are."""

    count: int
    videos: int
    bytes: int


class Shares(TypedDict):
    """How members and categories share the stored bytes, in order of their bytes. Ids and no keys
    of rows, so that history does not stop anybody from being deleted."""

    members: list[Share]
    other_members: OtherShares
    categories: list[Share]
    other_categories: OtherShares


class DailyStatistics(models.Model):
    """What happened on one day (UTC). Only videos.services.daily_statistics writes these rows.

    Counts never become smaller: what is deleted later has happened all the same.
    """

    day = models.DateField(primary_key=True)
    uploads = models.PositiveIntegerField(default=0)
    uploaded_bytes = models.PositiveBigIntegerField(default=0)
    views = models.PositiveIntegerField(default=0)
    comments = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(
        default=0, help_text="How often processing failed or was cancelled."
    )
    stored_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes of all videos when they were measured last."
    )
    shares = models.JSONField(null=True, blank=True, help_text="Of the stored bytes; see Shares.")
    counted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "daily_statistics"
        ordering = ["-day"]
        verbose_name = "statistics of a day"
        verbose_name_plural = "statistics"

    def __str__(self) -> str:
        return f"{self.day}"
