"""Changes that people make to videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from categories.services import hold_category
from clipset.lib.text import clean_line, clean_text
from videos.models import Job, Video
from videos.models.video import TITLE_BLANK
from videos.services.search_index import index_details

if TYPE_CHECKING:
    from categories.models import Category


def edit_video(*, video: Video, title: str, description: str, category: Category | None) -> Video:
    """Stores what the form holds. Raises ValidationError for a blank title, and
    Video.DoesNotExist when it was deleted meanwhile."""
    video.title = clean_line(title)
    if not video.title:
        raise ValidationError({"title": TITLE_BLANK})
    video.description = clean_text(description) or None
    with transaction.atomic():
        Video.objects.select_for_update().only("pk").get(pk=video.pk)
        video.category = hold_category(category)
        video.save(update_fields=["title", "description", "category", "updated_at"])
        index_details(video.pk)
    return video


def move_to_category(*, video: Video, category: Category | None) -> Video:
    """Touches nothing else: its uploader may be at the title."""
    with transaction.atomic():
        video.category = hold_category(category)
        video.save(update_fields=["category", "updated_at"])
        index_details(video.pk)
    return video


def delete_video(*, video: Video) -> None:
    """Deletes a video; its files follow (videos.signals). What it took from the week's quota is
    not given back: the quota limits what is sent, not what is kept."""
    with transaction.atomic():
        # Held first, in the order in which workers hold them: what somebody adds to it just then
        # goes with it, or finds it gone.
        list(Job.objects.select_for_update().filter(video=video).values_list("pk"))
        list(Video.objects.select_for_update().filter(pk=video.pk).values_list("pk"))
        video.delete()


def set_hidden(*, video: Video, hidden: bool) -> Video:
    video.is_hidden = hidden
    with transaction.atomic():
        video.save(update_fields=["is_hidden", "updated_at"])
        index_details(video.pk)
    return video
