"""Avatars of members: WebP of 256 x 256 px, turned as their EXIF data says."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from django.db import transaction

from accounts.models import User
from clipset.lib.ids import new_short_id
from clipset.lib.pictures import fitted_webp, storing_picture, write_whole
from siteconfig.roots import IMAGES, checked_root, root_path
from siteconfig.signals import file_unneeded

SIZE = (256, 256)  # px


def avatar_path(user: User) -> Path | None:
    return root_path(IMAGES) / avatar_key(user.avatar) if user.avatar else None


def avatar_key(name: str) -> str:
    """Returns the path of an avatar's file below the storage root `images`."""
    return f"avatars/{name}"


def set_avatar(*, user: User, picture: IO[bytes]) -> User:
    """Stores a new avatar and requests the removal of the old one's file.

    Raises: PictureError if the picture cannot be decoded or stored.
    """
    webp = fitted_webp(picture, SIZE, member=user.pk)
    name = f"{user.pk.hex}-{new_short_id()}.webp"
    with storing_picture():
        write_whole(checked_root(IMAGES) / avatar_key(name), webp)
    return _name_avatar(user, name)


def remove_avatar(*, user: User) -> User:
    return _name_avatar(user, "")


@transaction.atomic
def _name_avatar(user: User, name: str) -> User:
    # The row may already name another avatar than `user` does: of two simultaneous requests, the
    # second must remove the avatar that the first one stored.
    held = User.objects.select_for_update(no_key=True).filter(pk=user.pk)
    old = held.values_list("avatar", flat=True).first()
    held.update(avatar=name)
    user.avatar = name
    # If the member was deleted meanwhile, no row names the new avatar, so it is removed.
    unneeded = name if old is None else old
    if unneeded:
        file_unneeded.send(sender=User, root=IMAGES, key=avatar_key(unneeded))
    return user
