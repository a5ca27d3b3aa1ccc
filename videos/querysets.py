"""Who sees what, and what a search finds: the only place that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from videos.models import Video  # noqa: F401 named in the base class's type

PUBLISHED = Q(processing_status="COMPLETED", is_hidden=False)


class VideoQuerySet(models.QuerySet["Video"]):
    def published(self) -> VideoQuerySet:
        """What every member sees: finished and not hidden."""
        return self.filter(PUBLISHED)

    def finished(self) -> VideoQuerySet:
        """What is whole, hidden or not."""
        return self.filter(processing_status="COMPLETED")

    def visible_to(self, user: Any) -> VideoQuerySet:
        """What this user may watch: all of it for staff, else the published and their own."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self.all()
        return self.filter(PUBLISHED | Q(uploaded_by=user))

    def editable_by(self, user: Any) -> VideoQuerySet:
        """What this user may edit and delete: their own; all of it for staff."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(uploaded_by=user)

    def search(self, text: str) -> VideoQuerySet:
        """Every word stands somewhere in title, description, uploader or category."""
        found = self
        for word in text.split()[:8]:
            found = found.filter(
                Q(title__icontains=word)
                | Q(description__icontains=word)
                | Q(uploaded_by__username__icontains=word)
                | Q(category__name__icontains=word)
            )
        return found

    def for_cards(self) -> VideoQuerySet:
        """With what a video card shows, in one query."""
        return self.select_related("uploaded_by", "category")
