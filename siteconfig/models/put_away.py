"""Rows of "Needs attention" that a member of staff put away for a day."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

MAX_KIND = 40  # characters
MAX_KEY = 100  # characters


class PutAwayRow(models.Model):
    """A row that one member of staff does not want to see now. Others see it still.

    `kind` and `key` are those of the source and its row (siteconfig.attention).
    """

    # No index of its own: that of the constraint begins with it.
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=MAX_KIND)
    key = models.CharField(max_length=MAX_KEY)
    put_away_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "put_away_rows"
        constraints = [
            models.UniqueConstraint(fields=["member", "kind", "key"], name="put_away_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.key}"
