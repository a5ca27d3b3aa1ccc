"""What lies in a folder, apart from the marker of a storage root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from siteconfig import roots
from siteconfig.models import Config, StorageRoot
from siteconfig.places import as_stored
from siteconfig.roots import MARKER

if TYPE_CHECKING:
    from pathlib import Path


def entries(folder: Path) -> list[Path]:
    """Sorted by name."""
    return sorted(path for path in folder.iterdir() if path.name != MARKER)


def files_below(folder: Path) -> list[Path]:
    """Sorted; what is no folder, at whatever depth."""
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path for path in found if path.name != MARKER)


def make_root(name: str, folder: Path, *, kind: str = "videos") -> str:
    """A further storage root in a folder, with its marker. Returns its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = as_stored(folder)
    StorageRoot.objects.update_or_create(name=name, defaults={"kind": kind, "path": path})
    roots.forget()
    roots.write_marker(name)
    return name


def keep_new_videos_in(folder: Path, name: str = "videos-2") -> None:
    """Makes a folder the one of the configuration."""
    Config.objects.update(video_storage_path=as_stored(folder))
    make_root(name, folder)
