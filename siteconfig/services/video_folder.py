"""The folder for new videos that an admin chooses. Each such folder becomes a storage root."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from siteconfig.folders import one_in_the_other, why_not_for_videos
from siteconfig.models import RootKind, StorageRoot
from siteconfig.places import IMAGES, SETTINGS, as_stored, located
from siteconfig.roots import (
    RootUnavailableError,
    check_roots,
    read_marker,
    root_names,
    root_path,
    site_id,
    write_marker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def usable_video_folder(text: str) -> str:
    """Checks a folder for new videos and returns its path as the configuration stores it.

    A folder that is already a storage root for videos must be available. A new one is created if it
    does not exist, and must be empty, writable and allowed (siteconfig.folders).

    Raises: ValidationError with the reason.
    """
    try:
        known = _known_root(text)
        if known is not None:
            check_roots([known.name])
            return known.path
        _make_new(located(as_stored(text)))
    except RootUnavailableError as error:
        raise ValidationError(f"This folder can't be used right now: {error.reason}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ValidationError(
            f"Nothing can be written to this folder: {reason}. Choose another folder, or let the "
            "user that runs Clipset write to this one."
        ) from error
    return as_stored(text)


def add_video_root(text: str) -> str:
    """Creates a storage root with a marker for a folder, unless it is one already.

    To be called in a transaction that has locked the configuration's row. Returns the path as the
    configuration stores it.

    Raises: ValidationError.
    """
    path = usable_video_folder(text)
    if StorageRoot.objects.filter(kind=RootKind.VIDEOS, path=path).exists():
        return path
    name = _adopted_name(located(path)) or _next_name()
    StorageRoot.objects.create(name=name, kind=RootKind.VIDEOS, path=path)
    try:
        write_marker(name)
    except OSError as error:
        raise ValidationError(
            f"Nothing can be written to this folder: {error.strerror}. Choose another one."
        ) from error
    return path


def _known_root(text: str) -> StorageRoot | None:
    """Returns the root for videos that has this path or, on this host, this folder."""
    roots = list(StorageRoot.objects.filter(kind=RootKind.VIDEOS))
    stored = as_stored(text)
    folder = os.path.realpath(located(stored))
    same_path = [it for it in roots if it.path == stored]
    same_folder = [it for it in roots if os.path.realpath(root_path(it.name)) == folder]
    return next(iter(same_path + same_folder), None)


def _make_new(folder: Path) -> None:
    """Creates a new folder and checks it. Raises: ValidationError, OSError, ValueError."""
    reason = why_not_for_videos(folder)
    if reason:
        raise ValidationError(f"This folder can't be used: {reason}. Choose another one.")
    for name, other in _other_roots():
        if one_in_the_other(folder, other):
            raise ValidationError(
                f"This folder is, contains or is inside {other}, the storage root '{name}'. Choose "
                "a separate one."
            )
    folder.mkdir(parents=True, exist_ok=True)
    if _adopted_name(folder) is None and any(folder.iterdir()):
        raise ValidationError("This folder isn't empty. Choose a new or empty one.")
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"x")


def _other_roots() -> Iterator[tuple[str, Path]]:
    """Yields all roots except that of avatars and covers, which usually contains the others."""
    for name in root_names():
        if name != IMAGES:
            yield name, root_path(name)


def _adopted_name(folder: Path) -> str | None:
    """Returns the name in this site's marker in a folder, if no row has this name.

    This happens if the process was killed between writing the marker and committing the row, or if
    an older database was restored.
    """
    marker = read_marker(folder)
    if marker is None or marker[0] != site_id():
        return None
    name = marker[1]
    taken = name in SETTINGS or StorageRoot.objects.filter(name=name).exists()
    return None if taken or not name.startswith("videos-") else name


def _next_name() -> str:
    """Returns the first unused name of videos-2, videos-3, ..."""
    numbers = [1]
    names = StorageRoot.objects.filter(name__startswith="videos-").values_list("name", flat=True)
    for name in names:
        number = name.removeprefix("videos-")
        numbers += [int(number)] if number.isdigit() else []
    return f"videos-{max(numbers) + 1}"
