"""Files of the site are for the user that runs it and, to be read, for its group: 0640 in 0750.

The group is for a proxy that sends files itself (docs/operations.md).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

UMASK = 0o027
"""Permission bits that no file or folder of the site has."""


def restrict_umask() -> None:
    """Makes what this process and its children create private. A stricter umask stays."""
    os.umask(os.umask(UMASK) | UMASK)


def tighten(folder: Path) -> int:
    """Takes the bits of UMASK from all files and folders in `folder`, but not from itself.

    Symbolic links are not followed, and what lies on another file system is left alone.

    Returns:
        How many stay as open as they are, since they belong to another user.
    """
    left = 0
    device = folder.stat().st_dev
    for _, folders, files, parent in os.fwalk(folder):
        for name in [*folders, *files]:
            try:
                found = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if found.st_dev != device:
                    folders[:] = [each for each in folders if each != name]
                elif is_open(found):
                    left += not _tighten(name, parent)
            except FileNotFoundError:
                continue  # somebody removed it meanwhile
    return left


def tighten_one(path: Path) -> bool:
    """Takes the bits of UMASK from one file or folder. False when it belongs to another user."""
    try:
        return not is_open(path.lstat()) or _tighten(str(path), None)
    except FileNotFoundError:
        return True


def look_through(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files and folders in `folder`, as `tighten` goes through them, and how they are."""
    device = folder.stat().st_dev
    for place, folders, files, parent in os.fwalk(folder):
        for name in [*folders, *files]:
            try:
                found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if found.st_dev != device:
                folders[:] = [each for each in folders if each != name]
            else:
                yield Path(place) / name, found


def is_open(found: os.stat_result) -> bool:
    """Whether a file or folder has bits of UMASK."""
    is_ours_to_judge = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return is_ours_to_judge and bool(found.st_mode & UMASK)


def _tighten(name: str, parent: int | None) -> bool:
    """Changes it by a descriptor, so that nobody can put a link in its place meanwhile."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        found = os.fstat(descriptor)
        if is_open(found) and found.st_uid == os.geteuid():
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~UMASK)
        return not is_open(os.fstat(descriptor))
    except OSError:  # a file system that is read-only or knows no permissions
        return False
    finally:
        os.close(descriptor)
