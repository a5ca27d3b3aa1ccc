"""Changes to a video's details and category, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from categories.services import hold_category
from clipset.lib.text import clean_line, clean_text
from siteconfig.services.audit import differences, is_done_by_staff
from videos.models import Video
from videos.models.video import TITLE_BLANK
from videos.services.audit import placement, record_on_video
from videos.services.locks import lock_uploader, lock_videos
from videos.services.search_index import index_details
from videos.services.stored_total import add_stored, stored_of

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
        before = Video.objects.select_for_update().get(pk=video.pk)
        video.category = hold_category(category)
        video.save(update_fields=["title", "description", "category", "updated_at"])
        index_details(video.pk)
        _record_edit(before, video)
    return video


def _record_edit(before: Video, video: Video) -> None:
    old, new = differences(_texts(before), _texts(video))
    if new:
        record_on_video("video.edit", before, before=old, after=new)
    _record_move(before, video)


def _texts(video: Video) -> dict[str, str]:
    return {"title": video.title, "description": video.description or ""}


def _record_move(before: Video, video: Video) -> None:
    has_moved = before.category_id != video.category_id
    if has_moved and is_done_by_staff(owner=video.uploaded_by_id):
        places = {"before": placement(before.category), "after": placement(video.category)}
        record_on_video("video.move", video, **places)


def move_to_category(*, video: Video, category: Category | None) -> Video:
    """Stores the category alone: the uploader may be editing the title at the same time."""
    with transaction.atomic():
        before = Video.objects.select_for_update().get(pk=video.pk)
        video.category = hold_category(category)
        video.save(update_fields=["category", "updated_at"])
        index_details(video.pk)
        _record_move(before, video)
    return video


def delete_video(*, video: Video, reason: str = "") -> None:
    """Deletes a video for good; its files follow (videos.signals). Its quota is not released: the
    quota limits what is uploaded, not what is kept."""
    with transaction.atomic():
        lock_uploader(video.pk)
        lock_videos([video.pk])
        record_on_video("video.delete", video, reason=reason)
        add_stored(member=video.uploaded_by_id, size=-stored_of(video.pk))
        video.delete()
