"""Changes to a video's details, category and visibility, and its deletion."""

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
    """Stores title, description and category.

    Raises: ValidationError for a blank title; Video.DoesNotExist when it was deleted meanwhile.
    """
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
    """Stores the category alone: the uploader may be editing the title at the same time."""
    with transaction.atomic():
        video.category = hold_category(category)
        video.save(update_fields=["category", "updated_at"])
        index_details(video.pk)
    return video


def delete_video(*, video: Video) -> None:
    """Deletes a video for good; its files follow (videos.signals). Its quota is not released: the
    quota limits what is uploaded, not what is kept."""
    with transaction.atomic():
        # Locked first, jobs before videos as in workers: a row that another request adds to the
        # video at this moment is deleted with it, or its request fails.
        list(Job.objects.select_for_update().filter(video=video).values_list("pk"))
        list(Video.objects.select_for_update().filter(pk=video.pk).values_list("pk"))
        video.delete()


def set_hidden(*, video: Video, hidden: bool) -> Video:
    """Hides a video from members other than its uploader and staff, or unhides it."""
    video.is_hidden = hidden
    with transaction.atomic():
        video.save(update_fields=["is_hidden", "updated_at"])
        index_details(video.pk)
    return video
