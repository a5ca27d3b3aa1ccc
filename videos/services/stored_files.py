"""Stored files, addressed by the name of a storage root and a key relative to it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from siteconfig.roots import (
    ORIGINALS,
    THUMBNAILS,
    RootUnavailableError,
    is_available,
    root_of,
    root_path,
)
from siteconfig.services.config import current_video_root

if TYPE_CHECKING:
    from uuid import UUID

    from videos.models import Video

UPLOAD_FOLDER: Final = re.compile(r"upload-[0-9a-f]{32}")


class StoredFile(NamedTuple):
    """`root` is the name of a storage root (siteconfig.roots), `key` the path below it."""

    root: str
    key: str


def stored_path(root: str, key: str) -> Path:
    """The file's absolute path on this host.

    Raises: ValueError for a key that leads out of its root; RootUnavailableError when no root has
    this name.
    """
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or ".." in parts:
        raise ValueError(f"not a key: {key!r}")
    return root_path(root) / key


def file_at(path: str) -> StoredFile | None:
    """Root and key of an absolute path on this host; None for a path outside of all roots."""
    root = root_of(Path(path))
    if root is None:
        return None
    return StoredFile(root, str(Path(path).relative_to(root_path(root))))


def small_of(thumbnail: Path) -> Path:
    """The path of the small version of a thumbnail, which need not exist."""
    return thumbnail.parent / "small" / f"{thumbnail.stem}.webp"


def files_of_row(video: Video) -> list[StoredFile]:
    """The files that a video's own row names, without its renditions. No query."""
    named = (
        (video.source_root, video.source_key),
        (video.original_root, video.original_key),
        (video.storage_root, video.filename),
        (video.thumbnail_root, video.thumbnail_filename),
        (video.storyboard_root, video.storyboard_filename),
    )
    return list(dict.fromkeys(StoredFile(root, key) for root, key in named if root and key))


def published_roots() -> list[str]:
    """The roots in which finished files are published now, if available on this host."""
    names = [THUMBNAILS, ORIGINALS]
    with suppress(RootUnavailableError):  # no root has the configured path
        names.insert(0, current_video_root())
    return [name for name in dict.fromkeys(names) if is_available(name)]


def published_files(video_ids: set[UUID]) -> dict[UUID, list[StoredFile]]:
    """The files in the published roots whose names begin with the id of one of these videos, of any
    attempt. Lists each root once."""
    found: dict[UUID, list[StoredFile]] = {}
    by_name = {video_id.hex: video_id for video_id in video_ids}
    for root in published_roots() if by_name else ():
        for name in names_in(root_path(root)):
            # A dot comes first in the name of a copy to another disk that was cut off.
            video_id = by_name.get(name.removeprefix(".").partition("-")[0])
            if video_id is not None:
                found.setdefault(video_id, []).append(StoredFile(root, name))
    return found


def names_in(folder: str | Path) -> list[str]:
    """The names in a folder; none when it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []
