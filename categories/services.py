"""Changes to categories and their covers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils import timezone

from categories.models import Category
from clipset.lib.disk import try_write
from clipset.lib.ids import new_short_id
from clipset.lib.pictures import storing_picture, write_whole
from siteconfig.roots import IMAGES, checked_root, root_path
from siteconfig.services.audit import differences, record
from siteconfig.signals import file_unneeded

if TYPE_CHECKING:
    from accounts.models import User

SIZE = (960, 540)  # px
# Videos of a deleted category that its entry in the audit log names, for an undo, in 200 KB.
MAX_NAMED: Final = 5_000


def create_category(*, category: Category, created_by: User) -> Category:
    """Stores a new category, which the caller's form has checked."""
    category.created_by = created_by
    with transaction.atomic():
        category.save(force_insert=True)
        record("category.create", category, after=_details(category))
    return category


def edit_category(*, category: Category) -> Category:
    """Stores the name, slug and description of a category, which the caller's form has checked.

    Raises: Category.DoesNotExist if it was deleted meanwhile.
    """
    with transaction.atomic():
        current = Category.objects.select_for_update(no_key=True).get(pk=category.pk)
        before, after = differences(_details(current), _details(category))
        if after:
            category.save(update_fields=[*after, "updated_at"])
            record("category.edit", category, name=current.name, before=before, after=after)
    return category


def _details(category: Category) -> dict[str, Any]:
    return {name: getattr(category, name) for name in ("name", "slug", "description")}


def cover_path(category: Category) -> Path | None:
    if not category.image:
        return None
    return root_path(IMAGES) / cover_key(category.image)


def cover_key(name: str) -> str:
    """Returns the path of a cover's file below the storage root `images`."""
    return f"categories/{name}"


def store_cover(*, category: Category, webp: bytes) -> Category:
    """Stores a new cover and requests the removal of the old one's file.

    Args:
        webp: the cover, already cropped to SIZE, because decoding takes too long for the
            transaction in which this is called.

    Raises: PictureNotStoredError if the storage is full or not available.
    """
    name = f"{category.pk.hex}-{new_short_id()}.webp"
    with storing_picture():
        write_whole(checked_root(IMAGES) / cover_key(name), webp)
    return _name_cover(category, name)


def check_cover_can_be_stored(webp: bytes) -> None:
    """Writes a cover as a test, while the form can still show an error.

    Raises: PictureNotStoredError if the storage is full or not available.
    """
    with storing_picture():
        try_write(checked_root(IMAGES), webp)


def delete_category(*, category: Category) -> None:
    """Deletes a category but not its videos. videos.signals requests the removal of its cover."""
    with transaction.atomic():
        record("category.delete", category, before=_all_about(category))
        category.delete()


def _all_about(category: Category) -> dict[str, Any]:
    """Returns what an undo needs. `video_ids` is None if there are more than MAX_NAMED videos."""
    videos = category.videos.order_by("pk").values_list("pk", flat=True)
    keys = [str(key) for key in videos[: MAX_NAMED + 1]]
    return {
        **_details(category),
        "is_sample": category.is_sample,
        "created_by": str(category.created_by_id),
        "created_at": category.created_at.isoformat(),
        "videos": len(keys) if len(keys) <= MAX_NAMED else videos.count(),
        "video_ids": keys if len(keys) <= MAX_NAMED else None,
    }


def hold_category(category: Category | None) -> Category | None:
    """Locks a category's row, so that it cannot be deleted before the transaction ends.

    Returns None if it has been deleted meanwhile: a video then gets no category.
    """
    if category is None:
        return None
    return Category.objects.select_for_update(no_key=True).filter(pk=category.pk).first()


def remove_cover(*, category: Category) -> Category:
    return _name_cover(category, "")


@transaction.atomic
def _name_cover(category: Category, name: str) -> Category:
    # The row may already name another cover than `category` does: of two simultaneous requests,
    # the second must remove the cover that the first one stored.
    held = Category.objects.select_for_update(no_key=True).filter(pk=category.pk)
    old = held.values_list("image", flat=True).first()
    category.image, category.updated_at = name, timezone.now()
    held.update(image=name, updated_at=category.updated_at)
    if old is not None and old != name:
        before, after = {"has_cover": bool(old)}, {"has_cover": bool(name)}
        record("category.cover", category, before=before, after=after)
    # If the category was deleted meanwhile, no row names the new cover, so it is removed.
    unneeded = name if old is None else old
    if unneeded:
        file_unneeded.send(sender=Category, root=IMAGES, key=cover_key(unneeded))
    return category
