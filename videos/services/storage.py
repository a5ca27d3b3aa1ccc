"""The site's storage roots: which rows name, which are away, and which are new."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from accounts.models import User
from categories.models import Category
from siteconfig.models import StorageRoot
from siteconfig.places import SETTINGS, as_stored
from siteconfig.roots import (
    IMAGES,
    RootUnavailableError,
    is_available,
    is_writable,
    read_marker,
    root_path,
    troubled_roots,
    unavailable_roots,
    write_marker,
)
from siteconfig.services.config import roots_for_new_videos
from videos.models import JobKind, Rendition, Upload, UploadState, Video

if TYPE_CHECKING:
    from pathlib import Path

    from videos.models import Job

logger = logging.getLogger(__name__)

# Folders that belong to the root of avatars and covers.
OWN_FOLDERS: Final = ("avatars", "categories")


def is_named(root: str) -> bool:
    """Whether a row names a file in this root."""
    named = (
        Q(storage_root=root)
        | Q(thumbnail_root=root)
        | Q(storyboard_root=root)
        | Q(source_root=root)
        | Q(original_root=root)
    )
    if root == IMAGES:
        covers = Category.objects.exclude(image="")
        return User.objects.exclude(avatar="").exists() or covers.exists()
    return (
        Video.objects.filter(named).exists()
        or Rendition.objects.filter(root=root).exists()
        or Upload.objects.filter(root=root, state=UploadState.OPEN).exists()
    )


def missing_roots() -> dict[str, str]:
    """Needed roots that cannot be used, with the reason. A root is needed if rows name files in it
    or new files go there; the latter must not be read-only."""
    away, read_only = troubled_roots()
    if not away and not read_only:
        return {}
    try:
        written = {IMAGES, *roots_for_new_videos()}
    except RootUnavailableError as error:
        return away | {error.name: error.reason}
    needed = {*SETTINGS, *written}
    return {name: why for name, why in away.items() if name in needed or is_named(name)} | {
        name: why for name, why in read_only.items() if name in written
    }


def roots_away() -> set[str] | None:
    """The roots that are not available on this host; None when new files could not be stored."""
    away = set(unavailable_roots())
    try:
        needed = roots_for_new_videos()
    except RootUnavailableError as error:
        logger.error("No job is taken. %s", error)  # noqa: TRY400 the trace adds nothing
        return None
    return away if all(is_writable(name) for name in needed) else None


def has_its_storage(job: Job) -> bool:
    """Whether the roots that a job reads from and writes to are available on this host."""
    video = job.video
    source = video.storage_root if job.kind == JobKind.ENRICH else video.source_root
    try:
        needed = roots_for_new_videos()
    except RootUnavailableError:
        return False
    if source and not is_available(source):
        return False
    return all(is_writable(name) for name in needed)


def mark_new_roots() -> list[str]:
    """Creates and marks the roots of a new site: those that were never marked, that no row names a
    file in, and whose folder is missing or empty. Returns their names.

    A root that had a marker once is left alone: an empty folder may be where its disk is mounted.
    """
    for name in SETTINGS:
        path = as_stored(root_path(name))
        StorageRoot.objects.get_or_create(name=name, defaults={"kind": name, "path": path})
    unmarked = StorageRoot.objects.filter(marked_at=None).values_list("name", flat=True)
    # The root of avatars and covers comes last, since others are usually inside it.
    marked = []
    for name in sorted(unmarked, key=lambda name: name == IMAGES):
        folder = root_path(name)
        if not is_named(name) and _is_new(folder, is_of_images=name == IMAGES):
            folder.mkdir(parents=True, exist_ok=True)
            write_marker(name)
            logger.info("%s is now the storage root '%s'", folder, name)
            marked.append(name)
    return marked


def _is_new(folder: Path, *, is_of_images: bool) -> bool:
    """Whether a folder is missing or empty. The folder of avatars and covers may hold other roots
    of this site."""
    try:
        if read_marker(folder) is not None:
            return False
        found = list(folder.iterdir())
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    if not is_of_images:
        return not found
    away = unavailable_roots()
    others = {root_path(name) for name in SETTINGS if name != IMAGES and name not in away}
    empty = {folder / name for name in OWN_FOLDERS}
    return all(
        any(root.is_relative_to(it) for root in others) or (it in empty and not any(it.iterdir()))
        for it in found
    )
