"""Rules on which folders may contain the files of a site."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from django.conf import settings

from siteconfig.places import allowed_folders

# Folders of the operating system. No setting and no admin may choose one for files.
SYSTEM_FOLDERS: Final = tuple(
    Path("/", name)
    for name in ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin")
) + tuple(Path("/", name) for name in ("sys", "usr", "var/log", "var/spool"))
# Folders that an admin may not choose, but the settings of the host may.
NOT_FOR_ADMINS: Final = (Path("/root"), Path("/run"), Path("/var/lib"))
# Folders of media/ that cannot become storage roots for videos.
RESERVED: Final = ("avatars", "categories", "set-aside")


def one_in_the_other(first: Path, second: Path) -> bool:
    """Returns whether two folders, with links resolved, are the same or one inside the other."""
    first, second = _real(first), _real(second)
    return first.is_relative_to(second) or second.is_relative_to(first)


def why_not_for_files(folder: Path) -> str:
    """Returns why a setting may not choose a folder for files, or "" if it may.

    Raises: ValueError for a text that cannot be a path.
    """
    media = _real(settings.MEDIA_ROOT)
    if _real(folder).is_relative_to(media):
        return ""
    for own in _own_folders():
        if one_in_the_other(folder, own):
            return f"it is, contains or is inside {own}, which holds the site itself"
    database = settings.DATABASES["default"]
    if "sqlite" in database["ENGINE"] and _real(database["NAME"]).is_relative_to(_real(folder)):
        return f"it contains {database['NAME']}, the database"
    for system in SYSTEM_FOLDERS:
        if one_in_the_other(folder, system):
            return f"it is, contains or is inside {system}, a system folder"
    return ""


def why_not_for_videos(folder: Path) -> str:
    """Returns why an admin may not choose a new folder for videos, or "" if they may.

    Raises: ValueError for a text that cannot be a path.
    """
    real, media = _real(folder), _real(settings.MEDIA_ROOT)
    if real == media:
        return "it contains the folders of all other files"
    if real.is_relative_to(media):
        taken = [media / name for name in RESERVED]
        is_taken = any(one_in_the_other(real, it) for it in taken)
        return "it is reserved for other files" if is_taken else ""
    reason = why_not_for_files(folder)
    for system in () if reason else NOT_FOR_ADMINS:
        if one_in_the_other(folder, system):
            return f"it is, contains or is inside {system}, a system folder"
    if reason:
        return reason
    if any(real.is_relative_to(_real(it)) and it.is_dir() for it in allowed_folders()):
        return ""
    return (
        f"it is outside {settings.MEDIA_ROOT}. The server's administrator can allow other folders "
        "with the setting STORAGE_ROOTS"
    )


def _own_folders() -> list[Path]:
    """Returns the folders that contain code, packages and static files."""
    own = [Path(settings.BASE_DIR), Path(settings.STATIC_ROOT), Path(settings.NODE_MODULES)]
    return [*own, Path(sys.prefix), Path(sys.base_prefix)]


def _real(folder: Path | str) -> Path:
    return Path(os.path.realpath(folder))
