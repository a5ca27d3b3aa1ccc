"""Which folders may hold the files of a site."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from django.conf import settings

from siteconfig.places import allowed_folders

# Nobody keeps videos in these; an admin of the site must not be able to either.
SYSTEM_FOLDERS: Final = tuple(
    Path("/", name)
    for name in ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin")
) + tuple(Path("/", name) for name in ("sys", "usr", "var/log", "var/spool"))
# Nor in these, unless the settings of the host name the folder for a root.
ADMINS_NEITHER: Final = (Path("/root"), Path("/run"), Path("/var/lib"))
# Folders of media/ that are no roots of videos.
RESERVED: Final = ("avatars", "categories", "set-aside")


def one_in_the_other(first: Path, second: Path) -> bool:
    """Whether two folders are the same or one lies in the other, links resolved."""
    first, second = _real(first), _real(second)
    return first.is_relative_to(second) or second.is_relative_to(first)


def why_not_for_files(folder: Path) -> str:
    """Why no setting may name a folder for files; empty when one may. Raises: ValueError."""
    media = _real(settings.MEDIA_ROOT)
    if _real(folder).is_relative_to(media):
        return ""
    for own in _own_folders():
        if one_in_the_other(folder, own):
            return f"it is, contains or lies in {own}, which holds the site itself"
    database = settings.DATABASES["default"]
    if "sqlite" in database["ENGINE"] and _real(database["NAME"]).is_relative_to(_real(folder)):
        return f"it contains {database['NAME']}, the database"
    for system in SYSTEM_FOLDERS:
        if one_in_the_other(folder, system):
            return f"it is, contains or lies in {system}, a system folder"
    return ""


def why_not_for_videos(folder: Path) -> str:
    """Why an admin may not choose a new folder for videos; empty when they may.

    Raises: ValueError for a path that cannot be one.
    """
    real, media = _real(folder), _real(settings.MEDIA_ROOT)
    if real == media:
        return "it is the folder of all files"
    if real.is_relative_to(media):
        taken = [media / name for name in RESERVED]
        return "other files belong there" if any(one_in_the_other(real, it) for it in taken) else ""
    reason = why_not_for_files(folder)
    for system in () if reason else ADMINS_NEITHER:
        if one_in_the_other(folder, system):
            return f"it is, contains or lies in {system}, a system folder"
    if reason:
        return reason
    if any(real.is_relative_to(_real(it)) and it.is_dir() for it in allowed_folders()):
        return ""
    return (
        f"it lies outside {settings.MEDIA_ROOT}. The person who runs the server can allow other "
        "folders with the setting STORAGE_ROOTS"
    )


def _own_folders() -> list[Path]:
    """What holds code, packages and static files."""
    own = [Path(settings.BASE_DIR), Path(settings.STATIC_ROOT), Path(settings.NODE_MODULES)]
    return [*own, Path(sys.prefix), Path(sys.base_prefix)]


def _real(folder: Path | str) -> Path:
    return Path(os.path.realpath(folder))
