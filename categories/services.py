"""Changes to categories."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction
from django.utils import timezone

from categories.models import Category
from clipset.lib.disk import try_write
from clipset.lib.ids import new_short_id
from clipset.lib.pictures import storing_picture, write_whole
from siteconfig.roots import IMAGES, checked_root, root_path
from siteconfig.signals import file_unneeded

SIZE = (960, 540)  # px


def cover_path(category: Category) -> Path | None:
    if not category.image:
        return None
    return root_path(IMAGES) / cover_key(category.image)


def cover_key(name: str) -> str:
    """Where the cover of this name lies below the root of images."""
    return f"categories/{name}"


def store_cover(*, category: Category, webp: bytes) -> Category:
    """Stores a cover that is cut to SIZE already, as a transaction wants it, and asks for the
    removal of the old one. Raises: PictureError when it cannot be stored now."""
    name = f"{category.pk.hex}-{new_short_id()}.webp"
    with storing_picture():
        write_whole(checked_root(IMAGES) / cover_key(name), webp)
    return _name_cover(category, name)


def check_cover_can_be_stored(webp: bytes) -> None:
    """For a form that can still say so. Raises: PictureNotStoredError."""
    with storing_picture():
        try_write(checked_root(IMAGES), webp)


def delete_category(*, category: Category) -> None:
    """Deletes a category but not its videos. videos.signals requests the removal of its cover."""
    category.delete()


def hold_category(category: Category | None) -> Category | None:
    """So that it stays until the transaction ends; None when it was deleted meanwhile, as videos
    are left without one then."""
    if category is None:
        return None
    return Category.objects.select_for_update(no_key=True).filter(pk=category.pk).first()


def remove_cover(*, category: Category) -> Category:
    return _name_cover(category, "")


@transaction.atomic
def _name_cover(category: Category, name: str) -> Category:
    # The row may name another cover than `category` by now: of two requests at once, each replaces
    # what the other stored.
    held = Category.objects.select_for_update(no_key=True).filter(pk=category.pk)
    old = held.values_list("image", flat=True).first()
    category.image, category.updated_at = name, timezone.now()
    held.update(image=name, updated_at=category.updated_at)
    # A category that was deleted meanwhile has no row that could name the new cover.
    unneeded = name if old is None else old
    if unneeded:
        file_unneeded.send(sender=Category, root=IMAGES, key=cover_key(unneeded))
    return category
