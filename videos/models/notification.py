"""Notifications of members about their videos and comments."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from videos.enums import NotificationKind
from videos.querysets import NotificationQuerySet

MAX_TEXT: Final = 1000  # characters


class Notification(models.Model):
    """One event that a member is told about.

    `comment` is set if it is about a comment, and only `report` if moderators handled a report: the
    member reported something, or moderators wrote to them about their thing. Neither is set if it
    is about the member's account; `text` says what happened.
    """

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications", db_index=False
    )
    kind = models.CharField(max_length=9, choices=NotificationKind)
    video = models.ForeignKey(
        "videos.Video", models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    comment = models.ForeignKey(
        "videos.Comment", models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    report = models.ForeignKey(
        "videos.Report", models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    text = models.TextField(
        blank=True, default="", max_length=MAX_TEXT, help_text="What a moderator or the site wrote."
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        db_table = "notices"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["member", "-id"], name="notices_of_a_member"),
            models.Index(
                fields=["member"], condition=Q(read_at__isnull=True), name="notices_unread"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=NotificationKind.values), name="notices_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["REPLIED", "COMMENTED"],
                    video__isnull=False,
                    comment__isnull=False,
                    report__isnull=True,
                )
                | Q(
                    kind__in=["PROCESSED", "FAILED", "UNHIDDEN", "KEPT"],
                    video__isnull=False,
                    comment__isnull=True,
                    report__isnull=True,
                )
                | Q(kind="HIDDEN", video__isnull=False, report__isnull=True)
                | Q(
                    kind__in=["ANSWERED", "MODERATED"],
                    video__isnull=True,
                    comment__isnull=True,
                    report__isnull=False,
                )
                | Q(
                    kind="ACCOUNT",
                    video__isnull=True,
                    comment__isnull=True,
                    report__isnull=True,
                ),
                name="notices_about_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.video or self.report or self.text}"
