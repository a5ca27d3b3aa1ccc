"""Where stored files are: a storage root and a key relative to it."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from django.conf import settings

from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from uuid import UUID

    from videos.models import Video

UPLOAD_FOLDER: Final = re.compile(r"upload-[0-9a-f]{32}")


class StoredFile(NamedTuple):
    """`root` is the absolute folder that rows hold; `key` is the path below it."""

    root: str
    key: str


def stored_path(root: str, key: str) -> Path:
    """Raises ValueError for a key that leads out of its root."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or ".." in parts:
        raise ValueError(f"not a key: {key!r}")
    return Path(root) / key


def root_is_available(root: str) -> bool:
    """Whether files of this root can be told from missing ones: the folder exists and holds
    something. An empty one may be a mount point whose disk is away."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def file_at(path: str | Path) -> StoredFile:
    """Root and key of a path as rows hold it. The key of a source names its folder, too."""
    path = Path(path)
    folder = path.parent
    if UPLOAD_FOLDER.fullmatch(folder.name) or folder.parent == Path(settings.TEMP_STORAGE_PATH):
        return StoredFile(str(folder.parent), f"{folder.name}/{path.name}")
    return StoredFile(str(folder), path.name)


def small_of(thumbnail: Path) -> Path:
    """Where the small one of a thumbnail is, once a list has shown it."""
    return thumbnail.parent / "small" / f"{thumbnail.stem}.webp"


def files_of_row(video: Video) -> list[StoredFile]:
    """What a video's own row names, without its renditions. No query."""
    files = [file_at(path) for path in (video.source_path, video.original_path) if path]
    if video.storage_root:
        files.append(StoredFile(video.storage_root, video.filename))
    if video.thumbnail_filename:
        files.append(StoredFile(video.thumbnail_root, video.thumbnail_filename))
    if video.storyboard_filename:
        files.append(StoredFile(video.storyboard_root, video.storyboard_filename))
    return list(dict.fromkeys(files))


def published_roots() -> list[str]:
    """Where finished files are written now."""
    folders = (
        current_config().video_root,
        settings.THUMBNAIL_STORAGE_PATH,
        settings.ORIGINAL_STORAGE_PATH,
    )
    return list(dict.fromkeys(map(str, folders)))


def published_files(video_ids: set[UUID]) -> dict[UUID, list[StoredFile]]:
    """What the published roots hold under the name of one of these videos, of whatever attempt.

    Each root is read once, however many videos are asked for.
    """
    found: dict[UUID, list[StoredFile]] = {}
    by_name = {video_id.hex: video_id for video_id in video_ids}
    for root in published_roots() if by_name else ():
        for name in names_in(root):
            # With a dot in front: a copy to another disk that was cut off.
            video_id = by_name.get(name.removeprefix(".").partition("-")[0])
            if video_id is not None:
                found.setdefault(video_id, []).append(StoredFile(root, name))
    return found


def names_in(folder: str | Path) -> list[str]:
    """Empty when the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []
