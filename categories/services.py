"""Changes to categories."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from categories.models import Category
from clipset.lib.disk import try_write
from clipset.lib.ids import new_short_id
from clipset.lib.pictures import storing_picture, unlink_on_commit, write_whole
from siteconfig.roots import IMAGES, checked_root, root_path

SIZE = (960, 540)  # px


def cover_path(category: Category) -> Path | None:
    if not category.image:
        return None
    return root_path(IMAGES) / "categories" / category.image


def store_cover(*, category: Category, webp: bytes) -> Category:
    """Stores a cover that is cut to SIZE already, as a transaction wants it; the old one goes once
    the new one is there. Raises: PictureError when it cannot be stored now."""
    old = cover_path(category)
    name = f"{category.pk.hex}-{new_short_id()}.webp"
    with storing_picture():
        write_whole(checked_root(IMAGES) / "categories" / name, webp)
    category.image = name
    category.save(update_fields=["image", "updated_at"])
    unlink_on_commit(old)
    return category


def check_cover_can_be_stored(webp: bytes) -> None:
    """For a form that can still say so. Raises: PictureNotStoredError."""
    with storing_picture():
        try_write(checked_root(IMAGES), webp)


def delete_category(*, category: Category) -> None:
    """Its videos stay, without a category. Its cover goes."""
    cover = cover_path(category)
    with transaction.atomic():
        category.delete()
        unlink_on_commit(cover)


def hold_category(category: Category | None) -> Category | None:
    """So that it stays until the transaction ends; None when it was deleted meanwhile, as videos
    are left without one then."""
    if category is None:
        return None
    return Category.objects.select_for_update(no_key=True).filter(pk=category.pk).first()


def remove_cover(*, category: Category) -> Category:
    old = cover_path(category)
    category.image = ""
    category.save(update_fields=["image", "updated_at"])
    unlink_on_commit(old)
    return category
