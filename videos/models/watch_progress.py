"""Views, and where members stopped watching."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class View(models.Model):
    """One member watched one video on one day. Video.view_count counts these rows."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="views")
    day = models.DateField()

    class Meta:
        db_table = "views"
        # For the statistics, which count the views of a day.
        indexes = [models.Index(fields=["day"], name="views_by_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["video", "member", "day"], name="views_once_a_member_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.video} by {self.member} on {self.day}"


class WatchProgress(models.Model):
    """Where a member stopped in a video, or that the member finished it."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="positions")
    seconds = models.FloatField()
    is_finished = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "watch_positions"
        indexes = [
            # Only videos to continue: a member has few of these, even after a thousand videos.
            models.Index(
                fields=["member", "-updated_at"],
                condition=Q(is_finished=False),
                name="watch_positions_latest",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["member", "video"], name="watch_positions_one"),
            models.CheckConstraint(condition=Q(seconds__gt=0), name="watch_positions_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.member} at {self.seconds:.0f} s of {self.video}"
