"""Storage roots: where each lies on this host, and whether it is this site's.

Rows of files hold the name of a root and a key relative to it, never an absolute path. A root's
folder holds a marker, `.clipset-root`, with the site's id and the root's name. A folder without
it is a disk that is not mounted, another site's folder or an empty one: nothing is written there,
and what is missing there was not deleted (docs/decisions/0014-named-storage-roots.md).

Where a root lies on this host, first match:

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
from clipset.lib.unavailable import STORAGE_AWAY
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
# What a member reads. An admin finds the reason in the log and on the configuration's page.
AWAY: Final = STORAGE_AWAY.sentence
RETRY_AFTER_SECONDS: Final = STORAGE_AWAY.retry_after

# Paths of rows by the root's name. A row's path never changes, so a process may keep them.
_paths: dict[str, str] = {}
# Roots whose absence was logged and that were not seen since, and whether it was for writing.
_reported: set[tuple[str, bool]] = set()


class RootUnavailableError(StorageUnavailableError):
    """A root's folder does not hold this site's marker, or its disk is read-only. `reason` names
    the folder: for logs and admins. Members read AWAY."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"The storage root '{self.name}' is not available: {self.reason}"


def root_path(name: str) -> Path:
    """The absolute folder of a root on this host, whether or not it is there.

    At most one query, and none once the process knows the name.
    Raises: RootUnavailableError when no root has this name.
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
    """The folder of a root after a look at its marker. For everything that writes or removes.

    One query, for the site's id. Raises: RootUnavailableError.
    """
    check_roots([name])
    return root_path(name)


def check_roots(names: Iterable[str]) -> None:
    """Raises RootUnavailableError for the first of these roots that is not available."""
    site = site_id()
    for name in names:
        reason = _why_not(name, site)
        if reason:
            raise RootUnavailableError(name, reason)


def check_writable(names: Iterable[str]) -> None:
    """As `check_roots`, and raises RootUnavailableError for a disk that is mounted read-only."""
    names = list(names)
    check_roots(names)
    for name in names:
        reason = _why_not_writable(root_path(name))
        if reason:
            raise RootUnavailableError(name, reason)


def unavailable_roots() -> dict[str, str]:
    """Every root of the site that is not available on this host, with the reason. Two queries."""
    return troubled_roots()[0]


def troubled_roots() -> tuple[dict[str, str], dict[str, str]]:
    """The roots that are not available on this host, and those that are and can only be read, each
    with the reason. Two queries."""
    site, names = site_id(), root_names()
    away = {name: reason for name in names if (reason := _why_not(name, site))}
    there = [name for name in names if name not in away]
    return away, {name: why for name in there if (why := _why_not_writable(root_path(name)))}


def check_root_of(path: Path) -> None:
    """Tells a file that is gone from one whose disk is: for use once a file is missing.

    Raises: RootUnavailableError when the root that `path` lies in is not available.
    """
    name = root_of(path)
    if name is not None:
        checked_root(name)


def root_of(path: Path) -> str | None:
    """The root that an absolute path lies in; the innermost, since one may lie in another."""
    return _innermost(path, {name: root_path(name) for name in root_names()})


def _innermost(path: Path, folders: dict[str, Path]) -> str | None:
    around = [name for name, folder in folders.items() if path.is_relative_to(folder)]
    return max(around, key=lambda name: len(folders[name].parts), default=None)


def root_names() -> list[str]:
    """Of all roots: those of every site, also while they lack a row, and those in the table."""
    known = dict(StorageRoot.objects.values_list("name", "path"))
    _paths.update(known)
    return list(dict.fromkeys([*SETTINGS, *known]))


def video_root_name(config: Config) -> str:
    """The root that new videos go to: the one whose path the configuration holds.

    Raises: RootUnavailableError when no root has that path, as after a change by SQL.
    """
    path = as_stored(config.video_storage_path)
    rows = StorageRoot.objects.filter(kind=VIDEOS, path=path)
    for name in rows.values_list("name", flat=True):
        return name
    if path == as_stored(placed_by_host(VIDEOS) or ""):
        return VIDEOS
    raise RootUnavailableError(
        VIDEOS, f"{path} is no storage root. Choose the folder again in the configuration."
    )


def is_available(name: str) -> bool:
    """Whether a root is available. An absence is logged once, until the root is seen again."""
    return _is_there(name, for_writing=False)


def is_writable(name: str) -> bool:
    """Whether a root is available and its disk not read-only; logged once in the same way."""
    return _is_there(name, for_writing=True)


def _is_there(name: str, *, for_writing: bool) -> bool:
    check = check_writable if for_writing else check_roots
    try:
        check([name])
    except RootUnavailableError as error:
        if (name, for_writing) not in _reported:
            logger.error("%s Nothing is done there until it is back.", error)  # noqa: TRY400
            _reported.add((name, for_writing))
        return False
    _reported.discard((name, for_writing))
    return True


def forget() -> None:
    """Empties what this process keeps. For tests, whose databases come and go."""
    _paths.clear()
    _reported.clear()


# -- markers --------------------------------------------------------------------------------------


def site_id() -> UUID | None:
    """The id that this site's markers hold. None before the configuration's row is there."""
    return Config.objects.values_list("site_id", flat=True).filter(pk=Config.SINGLETON_ID).first()


def read_marker(folder: Path) -> tuple[UUID, str] | None:
    """The site's id and the root's name in a folder's marker; None where there is no marker.

    Raises: OSError, and ValueError for a marker that cannot be read as one.
    """
    try:
        text = (folder / MARKER).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(MARKER)  # noqa: TRY004 one kind of error for all that is no marker
    return UUID(str(found.get("site"))), str(found.get("root"))


def write_marker(name: str) -> None:
    """Makes a root's folder this site's; the caller has made sure that it may be.

    Raises: OSError.
    """
    site = site_id()
    assert site is not None, "the configuration's row comes first"
    content = json.dumps({"site": str(site), "root": name}) + "\n"
    write_whole(root_path(name) / MARKER, content.encode())
    StorageRoot.objects.filter(name=name, marked_at=None).update(marked_at=timezone.now())


def _why_not_writable(folder: Path) -> str:
    """Why nothing can be written to a root that is available; empty when it can."""
    try:
        is_read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})."
    return f"the disk of {folder} is read-only." if is_read_only else ""


def _why_not(name: str, site: UUID | None) -> str:
    """Why a root is not available; empty when it is."""
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
        what = "has no marker of this site" if folder.is_dir() else "is not there"
        return f"{folder} {what}. Is its disk mounted? See manage.py mark_root."
    marked_by, marked_as = marker
    if marked_by != site:
        return f"{folder} belongs to another Clipset site."
    return "" if marked_as == name else f"{folder} is the storage root '{marked_as}'."
