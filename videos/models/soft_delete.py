"""Rows that can be restored for a while after they were deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from videos.querysets import UNDO_WITHIN


class SoftDeleteModel(models.Model):
    """A model whose rows are marked as deleted first and removed for good later.

    Each query says which rows it wants, such as `Comment.objects.present()`: see SoftDeleteQuerySet
    in videos.querysets.
    `undo_within` is how long a deletion can be undone. `keep_deleted_days` are the days, counted
    while the site is alive, after which a service removes the row for good.
    """

    undo_within: ClassVar[timedelta] = UNDO_WITHIN
    keep_deleted_days: ClassVar[int] = 1

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_undoable(self) -> bool:
        """Whether it was deleted a moment ago, so that the deletion can be undone."""
        return self.deleted_at is not None and timezone.now() - self.deleted_at < self.undo_within
