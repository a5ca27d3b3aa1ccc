"""Pictures of members: 256 x 256 px WebP, the right way up."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from accounts.models import User
from clipset.lib.ids import new_short_id
from clipset.lib.pictures import fitted_webp, storing_picture, unlink_on_commit, write_whole
from siteconfig.roots import IMAGES, checked_root, root_path

SIZE = (256, 256)  # px


def avatar_path(user: User) -> Path | None:
    return root_path(IMAGES) / "avatars" / user.avatar if user.avatar else None


def set_avatar(*, user: User, picture: IO[bytes]) -> User:
    """Stores a new picture; the old one goes once the new one is there. Raises PictureError."""
    webp = fitted_webp(picture, SIZE, member=user.pk)
    old = avatar_path(user)
    name = f"{user.pk.hex}-{new_short_id()}.webp"
    with storing_picture():
        write_whole(checked_root(IMAGES) / "avatars" / name, webp)
    user.avatar = name
    user.save(update_fields=["avatar"])
    unlink_on_commit(old)
    return user


def remove_avatar(*, user: User) -> User:
    old = avatar_path(user)
    user.avatar = ""
    user.save(update_fields=["avatar"])
    unlink_on_commit(old)
    return user
