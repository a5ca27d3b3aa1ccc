"""What lies in a folder, apart from the marker of a storage root."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
