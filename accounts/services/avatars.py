"""Pictures of members: 256 x 256 px WebP, the right way up."""

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
    """Where the avatar of this name lies below the root of images."""
    return f"avatars/{name}"


def set_avatar(*, user: User, picture: IO[bytes]) -> User:
    """Stores a new avatar and asks for the removal of the old one. Raises: PictureError."""
    webp = fitted_webp(picture, SIZE, member=user.pk)
    name = f"{user.pk.hex}-{new_short_id()}.webp"
    with storing_picture():
        write_whole(checked_root(IMAGES) / avatar_key(name), webp)
    return _name_avatar(user, name)


def remove_avatar(*, user: User) -> User:
    return _name_avatar(user, "")


@transaction.atomic
def _name_avatar(user: User, name: str) -> User:
    # The row may name another avatar than `user` by now: of two requests at once, each replaces
    # what the other stored.
    held = User.objects.select_for_update(no_key=True).filter(pk=user.pk)
    old = held.values_list("avatar", flat=True).first()
    held.update(avatar=name)
    user.avatar = name
    # A member who was deleted meanwhile has no row that could name the new avatar.
    unneeded = name if old is None else old
    if unneeded:
        file_unneeded.send(sender=User, root=IMAGES, key=avatar_key(unneeded))
    return user
