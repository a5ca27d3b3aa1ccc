"""Requests of uploaders to look again at a hidden video."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from clipset.lib.text import MAX_TITLE_LENGTH
from videos.enums import ReviewState
from videos.models.constraints import at_most

MAX_TEXT: Final = 1000  # characters, of the uploader and of the moderator
TEXT_TOO_LONG: Final = f"Use at most {MAX_TEXT:,} characters."


class ReviewRequest(models.Model):
    """An uploader's answer to the hiding of a video: a text, or new details, or both. A video has
    at most one that is open."""

    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="review_requests")
    text = models.TextField(max_length=MAX_TEXT, blank=True, default="")
    is_edited = models.BooleanField(
        default=False, help_text="The uploader changed the title or the description."
    )
    old_title = models.CharField(
        max_length=MAX_TITLE_LENGTH, blank=True, default="", help_text="If it was changed."
    )
    state = models.CharField(max_length=8, choices=ReviewState, default=ReviewState.OPEN)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    message = models.TextField(
        max_length=MAX_TEXT, blank=True, default="", help_text="To the uploader."
    )

    class Meta:
        db_table = "review_requests"
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="OPEN"), name="review_requests_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ReviewState.values), name="review_requests_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", answered_at__isnull=True)
                | (~Q(state="OPEN") & Q(answered_at__isnull=False)),
                name="review_requests_answered_once",
            ),
            models.CheckConstraint(
                condition=Q(is_edited=True) | ~Q(text=""), name="review_requests_say_something"
            ),
            models.UniqueConstraint(
                fields=["video"], condition=Q(state="OPEN"), name="review_requests_one_open"
            ),
            at_most("text", MAX_TEXT, name="review_requests_text_length", sentence=TEXT_TOO_LONG),
            at_most(
                "message", MAX_TEXT, name="review_requests_message_length", sentence=TEXT_TOO_LONG
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.video}"

    @property
    def is_open(self) -> bool:
        return self.state == ReviewState.OPEN
