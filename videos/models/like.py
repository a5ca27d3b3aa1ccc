"""Likes of videos."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Like(models.Model):
    """One member likes one video. Likes are counted from these rows; there is no counter."""

    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="likes", db_index=False)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="likes", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "likes"
        indexes = [models.Index(fields=["member", "-id"], name="likes_latest")]
        constraints = [
            models.UniqueConstraint(fields=["video", "member"], name="likes_once"),
        ]

    def __str__(self) -> str:
        return f"{self.member} likes {self.video}"
