"""Storage roots: the path of each on this host, and whether it belongs to this site.

The row of a file has the name of a root and a key relative to it, never an absolute path. The
folder of a root contains a marker, `.clipset-root`, with the site's id and the root's name. A
folder without it is an unmounted disk, another site's folder or an empty one: nothing is written
there, and a file that is missing there does not count as deleted
(docs/decisions/0014-named-storage-roots.md).

The path of a root on this host is the first of:

1. STORAGE_ROOTS, as `name=path`.
2. For the roots that every site has, their settings (VIDEO_STORAGE_PATH, ...; siteconfig.places).
3. The path of its row in `storage_roots`.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.utils import timezone

from clipset.lib.disk import StorageUnavailableError
from clipset.lib.pictures import write_whole
from siteconfig.models import Config, StorageRoot
from siteconfig.places import (
    IMAGES,
    ORIGINALS,
    SETTINGS,
    TEMP,
    THUMBNAILS,
    VIDEOS,
    as_stored,
    located,
    placed_by_host,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["IMAGES", "ORIGINALS", "TEMP", "THUMBNAILS", "VIDEOS"]

logger = logging.getLogger(__name__)

MARKER: Final = ".clipset-root"
NO_MARKER: Final = (
    "%(folder)s has no marker of this site. Is its disk mounted? See manage.py mark_root."
)
NO_FOLDER: Final = "%(folder)s does not exist. Is its disk mounted? See manage.py mark_root."

# Cache of the rows' paths by the root's name. A row's path never changes.
_paths: dict[str, str] = {}
# Roots whose absence was logged, with whether the check was for writing. Removed once available.
_reported: set[tuple[str, bool]] = set()


class RootUnavailableError(StorageUnavailableError):
    """A root's folder does not contain this site's marker, or its disk is read-only.

    `reason` names the folder, for logs and admins, who also find it on the configuration's page.
    Members get the sentence of clipset.lib.unavailable.STORAGE_AWAY.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"The storage root '{self.name}' is not available: {self.reason}"


def root_path(name: str) -> Path:
    """Returns the absolute folder of a root on this host, whether or not it exists.

    At most one query, and none once the process knows the name.

    Raises: RootUnavailableError if no root has this name.
    """
    placed = placed_by_host(name)
    if placed is not None:
        return placed
    if name not in _paths:
        stored = StorageRoot.objects.filter(name=name).values_list("path", flat=True).first()
        if stored is None:
            raise RootUnavailableError(name, "no storage root has this name.")
        _paths[name] = stored
    return located(_paths[name])


def checked_root(name: str) -> Path:
    """Returns the folder of a root after checking its marker, for writing or removing files.

    One query, for the site's id.

    Raises: RootUnavailableError.
    """
    check_roots([name])
    return root_path(name)


def check_roots(names: Iterable[str]) -> None:
    """Checks the markers of some roots.

    Raises: RootUnavailableError for the first of them that is not available.
    """
    site = site_id()
    for name in names:
        reason = _why_not(name, site)
        if reason:
            raise RootUnavailableError(name, reason)


def check_writable(names: Iterable[str]) -> None:
    """Checks the markers of some roots, and that their disks are not mounted read-only.

    Raises: RootUnavailableError.
    """
    names = list(names)
    check_roots(names)
    for name in names:
        reason = _why_not_writable(root_path(name))
        if reason:
            raise RootUnavailableError(name, reason)


def unavailable_roots() -> dict[str, str]:
    """Returns the roots that are not available on this host, with the reasons. Two queries."""
    return troubled_roots()[0]


def troubled_roots() -> tuple[dict[str, str], dict[str, str]]:
    """Returns the roots that are not available on this host, and those that are read-only.

    Both are dicts from the root's name to the reason. Two queries.
    """
    site, names = site_id(), root_names()
    unavailable = {name: reason for name in names if (reason := _why_not(name, site))}
    available = [name for name in names if name not in unavailable]
    read_only = {
        name: reason for name in available if (reason := _why_not_writable(root_path(name)))
    }
    return unavailable, read_only


def check_root_of(path: Path) -> None:
    """Checks the root of a file that is missing, to tell a deleted file from an unmounted disk.

    Raises: RootUnavailableError if the root that contains `path` is not available.
    """
    name = root_of(path)
    if name is not None:
        checked_root(name)


def root_of(path: Path) -> str | None:
    """Returns the root that contains an absolute path: the innermost, as roots may be nested."""
    return _innermost(path, {name: root_path(name) for name in root_names()})


def _innermost(path: Path, folders: dict[str, Path]) -> str | None:
    around = [name for name, folder in folders.items() if path.is_relative_to(folder)]
    return max(around, key=lambda name: len(folders[name].parts), default=None)


def root_names() -> list[str]:
    """Returns the names of all roots: those that every site has, and those in the table."""
    known = dict(StorageRoot.objects.values_list("name", "path"))
    _paths.update(known)
    return list(dict.fromkeys([*SETTINGS, *known]))


def video_root_name(config: Config) -> str:
    """Returns the root for new videos: the one with the path in the configuration.

    Raises: RootUnavailableError if no root has that path, as after a change by SQL.
    """
    path = as_stored(config.video_storage_path)
    rows = StorageRoot.objects.filter(kind=VIDEOS, path=path)
    for name in rows.values_list("name", flat=True):
        return name
    if path == as_stored(placed_by_host(VIDEOS) or ""):
        return VIDEOS
    raise RootUnavailableError(
        VIDEOS, f"{path} is not a storage root. Choose the folder again in the configuration."
    )


def is_available(name: str) -> bool:
    """Returns whether a root is available. If it is not, this is logged once until it is again."""
    return _is_there(name, for_writing=False)


def is_writable(name: str) -> bool:
    """Returns whether a root is available and not read-only. Logs like `is_available`."""
    return _is_there(name, for_writing=True)


def _is_there(name: str, *, for_writing: bool) -> bool:
    check = check_writable if for_writing else check_roots
    try:
        check([name])
    except RootUnavailableError as error:
        if (name, for_writing) not in _reported:
            logger.error("%s Nothing is done there until it is available.", error)  # noqa: TRY400
            _reported.add((name, for_writing))
        return False
    _reported.discard((name, for_writing))
    return True


def forget() -> None:
    """Empty this process's caches, after the database was replaced by a restore or a test."""
    _paths.clear()
    _reported.clear()


# -- markers --------------------------------------------------------------------------------------


def site_id() -> UUID | None:
    """Returns the id in this site's markers. None before the configuration's row exists."""
    return Config.objects.values_list("site_id", flat=True).filter(pk=Config.SINGLETON_ID).first()


def read_marker(folder: Path) -> tuple[UUID, str] | None:
    """Returns the site's id and the root's name in a folder's marker, or None without a marker.

    Raises:
        OSError: if the folder cannot be read.
        ValueError: if the file is not a valid marker.
    """
    try:
        text = (folder / MARKER).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(MARKER)  # noqa: TRY004 one type of error for every invalid marker
    return UUID(str(found.get("site"))), str(found.get("root"))


def write_marker(name: str) -> None:
    """Writes this site's marker into a root's folder. The caller has checked that it may.

    Raises: OSError.
    """
    site = site_id()
    assert site is not None, "the configuration's row must exist"
    content = json.dumps({"site": str(site), "root": name}) + "\n"
    write_whole(root_path(name) / MARKER, content.encode())
    StorageRoot.objects.filter(name=name, marked_at=None).update(marked_at=timezone.now())


def _why_not_writable(folder: Path) -> str:
    """Returns why nothing can be written to an available root, or "" if something can."""
    try:
        is_read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})."
    return f"the disk of {folder} is read-only." if is_read_only else ""


def _why_not(name: str, site: UUID | None) -> str:
    """Returns why a root is not available, or "" if it is."""
    try:
        folder = root_path(name)
    except RootUnavailableError as error:
        return error.reason
    try:
        marker = read_marker(folder)
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})."
    except ValueError:
        return f"the marker in {folder} cannot be read."
    if marker is None:
        return (NO_MARKER if folder.is_dir() else NO_FOLDER) % {"folder": folder}
    marked_by, marked_as = marker
    if marked_by != site:
        return f"{folder} belongs to another Clipset site."
    return "" if marked_as == name else f"{folder} is the storage root '{marked_as}'."
