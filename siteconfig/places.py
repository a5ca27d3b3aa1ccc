"""Paths of storage roots in the settings of this host. Needs no database."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from django.conf import settings

# The roots that every site has, and the settings that hold their paths on this host.
VIDEOS: Final = "videos"
THUMBNAILS: Final = "thumbnails"
ORIGINALS: Final = "originals"
TEMP: Final = "temp"
IMAGES: Final = "images"
SETTINGS: Final = {
    VIDEOS: "VIDEO_STORAGE_PATH",
    THUMBNAILS: "THUMBNAIL_STORAGE_PATH",
    ORIGINALS: "ORIGINAL_STORAGE_PATH",
    TEMP: "TEMP_STORAGE_PATH",
    IMAGES: "MEDIA_ROOT",
}
_NAMED: Final = re.compile(r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)=(?P<path>.+)")


def as_stored(folder: str | Path) -> str:
    """Returns a folder as the database stores it: relative to the project's folder if inside it."""
    folder = Path(os.path.normpath(settings.BASE_DIR / folder))
    if folder.is_relative_to(settings.BASE_DIR):
        return str(folder.relative_to(settings.BASE_DIR))
    return str(folder)


def located(stored: str) -> Path:
    """Returns the absolute path of a folder that `as_stored` has returned."""
    return Path(settings.BASE_DIR) / stored


def placed_by_host(name: str) -> Path | None:
    """Returns the path of a root in this host's settings: STORAGE_ROOTS first, then SETTINGS.

    None for a root that neither of them mentions: its row has the path.
    """
    for entry in settings.STORAGE_ROOTS:
        named = _NAMED.fullmatch(entry.strip())
        if named is not None and named["name"] == name:
            return located(named["path"])
    return Path(getattr(settings, SETTINGS[name])) if name in SETTINGS else None


def allowed_folders() -> list[Path]:
    """Returns the folders in STORAGE_ROOTS without a name. An admin may choose folders in them."""
    entries = [entry.strip() for entry in settings.STORAGE_ROOTS]
    return [Path(entry) for entry in entries if entry.startswith("/")]


def unreadable_entries() -> list[str]:
    """Returns the entries of STORAGE_ROOTS that are neither `name=path` nor an absolute path."""
    entries = [entry.strip() for entry in settings.STORAGE_ROOTS]
    return [it for it in entries if not it.startswith("/") and not _NAMED.fullmatch(it)]
