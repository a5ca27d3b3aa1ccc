"""Guest links, which open one video to people who are not members."""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from videos.querysets import UNDO_WITHIN

MAX_NOTE: Final = 100  # characters
NOTE_TOO_LONG: Final = f"Use at most {MAX_NOTE} characters."
MAX_ACTIVE_LINKS: Final = 50  # of one video


class GuestLink(models.Model):
    """A link that opens its video until it expires or is revoked. Only a hash of its token is
    stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="guest_links")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(max_length=MAX_NOTE, blank=True, default="", help_text="Label.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="guest_links",
        db_column="created_by",
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    view_count = models.PositiveBigIntegerField(default=0, editable=False)
    last_viewed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "guest_links"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="guest_links_expire_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.note or 'Guest link'} to {self.video}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def is_over(self) -> bool:
        """Whether it expired or was revoked. An active link may still not open its video, which may
        be hidden or not ready."""
        return self.revoked_at is not None or self.is_expired

    @property
    def can_be_restored(self) -> bool:
        """Whether its revocation can still be undone."""
        return (
            self.revoked_at is not None
            and self.revoked_at > timezone.now() - UNDO_WITHIN
            and not self.is_expired
        )
