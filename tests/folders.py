"""Lists folders without the marker of a storage root, and makes further roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from siteconfig import roots
from siteconfig.models import Config, StorageRoot
from siteconfig.places import SETTINGS, as_stored
from siteconfig.roots import MARKER
from tests.conftest import FOLDERS

if TYPE_CHECKING:
    from pathlib import Path


def entries(folder: Path) -> list[Path]:
    """Lists a folder, sorted by name, without the marker."""
    return sorted(path for path in folder.iterdir() if path.name != MARKER)


def files_below(folder: Path) -> list[Path]:
    """Lists all files at any depth, sorted, without markers."""
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path for path in found if path.name != MARKER)


def make_root(name: str, folder: Path, *, kind: str = "videos") -> str:
    """Makes a storage root in a folder, with its marker. Returns its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = as_stored(folder)
    StorageRoot.objects.update_or_create(name=name, defaults={"kind": kind, "path": path})
    roots.forget()
    roots.write_marker(name)
    return name


def keep_new_videos_in(folder: Path, name: str = "videos-2") -> None:
    """Sets the configuration's folder for new videos, and makes it a storage root."""
    Config.objects.update(video_storage_path=as_stored(folder))
    make_root(name, folder)


def make_roots(media: Path) -> None:
    """Makes the folders of a site in an empty media folder, with their markers."""
    for folder in FOLDERS.values():
        (media / folder).mkdir()
    roots.forget()
    for name in SETTINGS:
        roots.write_marker(name)
