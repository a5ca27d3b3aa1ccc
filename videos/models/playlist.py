"""Playlists and their entries."""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from clipset.lib.ids import new_short_id
from clipset.lib.text import MAX_TITLE_LENGTH
from videos.models.constraints import at_most, not_blank
from videos.models.soft_delete import SoftDeleteModel
from videos.models.video import DESCRIPTION_TOO_LONG, MAX_DESCRIPTION
from videos.querysets import PlaylistEntryQuerySet, PlaylistQuerySet

MAX_PLAYLISTS: Final = 200  # of one member: all of them fit on the list to choose from
NAME_BLANK: Final = "Enter a name."
NAME_TOO_LONG: Final = f"A name has at most {MAX_TITLE_LENGTH} characters."


class Playlist(SoftDeleteModel):
    """An ordered list of videos. All members may view it; only the member who created it changes
    it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    short_id = models.CharField(
        max_length=10, unique=True, default=new_short_id, editable=False, db_index=True
    )
    title = models.CharField(max_length=MAX_TITLE_LENGTH)
    description = models.TextField(max_length=MAX_DESCRIPTION, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="playlists",
        db_column="made_by",
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PlaylistQuerySet.as_manager()

    class Meta:
        db_table = "playlists"
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["made_by", "-updated_at", "-id"], name="playlists_by_maker"),
            models.Index(
                fields=["-updated_at", "-id"],
                condition=Q(deleted_at__isnull=True),
                name="playlists_by_time",
            ),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="playlists_deleted",
            ),
        ]
        constraints = [
            not_blank("title", name="playlists_title_not_blank", sentence=NAME_BLANK),
            at_most(
                "title", MAX_TITLE_LENGTH, name="playlists_title_length", sentence=NAME_TOO_LONG
            ),
            at_most(
                "description",
                MAX_DESCRIPTION,
                name="playlists_description_length",
                sentence=DESCRIPTION_TOO_LONG,
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("playlist", args=[self.short_id])


class PlaylistEntry(models.Model):
    """A video in a playlist. Positions ascend and may have gaps."""

    playlist = models.ForeignKey(Playlist, models.CASCADE, related_name="entries")
    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="playlist_entries")
    position = models.PositiveIntegerField()
    added_at = models.DateTimeField(default=timezone.now)

    objects = PlaylistEntryQuerySet.as_manager()

    class Meta:
        db_table = "playlist_entries"
        ordering = ["position", "id"]
        verbose_name_plural = "playlist entries"
        indexes = [
            models.Index(fields=["playlist", "position", "id"], name="playlist_entries_in_order"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["playlist", "video"], name="playlist_entries_a_video_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.video} in {self.playlist}"
