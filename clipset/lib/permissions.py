"""Permissions of the site's files: 0640 in folders of 0750.

The group can read them, so that a proxy can send files itself (docs/operations.md).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

UMASK = 0o027
"""Permission bits that are removed from all files and folders of the site."""


def restrict_umask() -> None:
    """Adds UMASK to the umask of this process and its future children."""
    os.umask(os.umask(UMASK) | UMASK)


def tighten(folder: Path) -> int:
    """Removes the bits of UMASK from all files and folders in `folder`, but not from itself.

    Does not follow symbolic links, and does not change anything on another file system.

    Returns:
        The number of files and folders that could not be changed, usually because they belong to
        another user.
    """
    unchanged = 0
    device = folder.stat().st_dev
    for _, folders, files, parent in os.fwalk(folder):
        for name in [*folders, *files]:
            try:
                found = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if found.st_dev != device:
                    folders[:] = [each for each in folders if each != name]
                elif is_open(found):
                    unchanged += not _tighten(name, parent)
            except FileNotFoundError:
                continue  # removed meanwhile
    return unchanged


def tighten_one(path: Path) -> bool:
    """Removes the bits of UMASK from one file or folder. Returns False if that failed."""
    try:
        return not is_open(path.lstat()) or _tighten(str(path), None)
    except FileNotFoundError:
        return True


def look_through(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files and folders in `folder` with their status, without other file systems."""
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
    is_file_or_folder = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return is_file_or_folder and bool(found.st_mode & UMASK)


def _tighten(name: str, parent: int | None) -> bool:
    """Changes the permissions through a descriptor, so that nobody can swap in a link meanwhile.

    Returns whether the bits of UMASK are gone.
    """
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
    except OSError:  # the file system is read-only or has no permissions
        return False
    finally:
        os.close(descriptor)
