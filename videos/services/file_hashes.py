"""Lists the stored files that rows name, and keeps the SHA-256 of each."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from categories.models import Category
from clipset.workers.stopping import is_stopping
from clipset.workers.ticks import tick
from siteconfig import roots
from siteconfig.backup.expected import ExpectedFile
from videos.models import (
    FileHash,
    ProcessingStatus,
    Rendition,
    RenditionLayout,
    Upload,
    UploadState,
    Video,
)
from videos.services.processing.claim import is_encode_waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

SECONDS_A_RUN: Final = 240.0
READ_BYTES: Final = 1024 * 1024
ROWS_AT_ONCE: Final = 500


class YieldError(Exception):
    """Hashing is to stop: an encode waits, the time is over, or the workers are stopping."""


def expected_files() -> Iterator[ExpectedFile]:
    """Yields every stored file that a row of a video, an upload, a member or a category names.

    Files of running attempts are left out, since a retry makes them again.
    """
    hashes = {
        (row.root, row.key): row for row in FileHash.objects.iterator(chunk_size=ROWS_AT_ONCE)
    }
    for file in _named_files():
        known = hashes.get((file.root, file.key))
        if known is None:
            yield file
        else:
            yield ExpectedFile(
                root=file.root, key=file.key, size_bytes=known.size_bytes, sha256=known.sha256
            )


def hash_stored_files(*, seconds: float = SECONDS_A_RUN) -> int:
    """Hashes stored files that have no hash yet, for `seconds` at most. Returns how many.

    Runs in the slow cluster and stops when an encode waits, which is checked every second.
    Finalising changes files of older versions and stores their hashes itself.
    """
    until = time.monotonic() + seconds
    known = set(FileHash.objects.values_list("root", "key").iterator(chunk_size=ROWS_AT_ONCE))
    known.update(_to_be_finalised().values_list("root", "filename"))
    hashed = 0
    for file in _named_files():
        # Uploads are still written, and sources are removed soon.
        if (file.root, file.key) in known or file.root == roots.TEMP:
            continue
        if not roots.is_available(file.root):
            continue
        try:
            size, digest = _hash(roots.root_path(file.root) / file.key, until)
        except YieldError:
            return hashed
        except OSError as error:
            logger.warning("%s/%s was not hashed: %s", file.root, file.key, error)
            continue
        FileHash.objects.update_or_create(
            root=file.root, key=file.key, defaults={"size_bytes": size, "sha256": digest}
        )
        known.add((file.root, file.key))
        hashed += 1
    return hashed


def forget_hashes_of_removed_files() -> int:
    """Removes hashes of files that no row names any more. Returns how many."""
    named = {(file.root, file.key) for file in _named_files()}
    gone = [
        pk
        for pk, root, key in FileHash.objects.values_list("pk", "root", "key").iterator(
            chunk_size=ROWS_AT_ONCE
        )
        if (root, key) not in named
    ]
    for start in range(0, len(gone), ROWS_AT_ONCE):
        FileHash.objects.filter(pk__in=gone[start : start + ROWS_AT_ONCE]).delete()
    return len(gone)


def _hash(path: Path, until: float) -> tuple[int, str]:
    """Length in bytes and SHA-256 of a file. `until` is a time of the monotonic clock.

    Raises: YieldError, OSError.
    """
    digest, size = hashlib.sha256(), 0
    checked_at = time.monotonic()
    with path.open("rb", buffering=0) as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
            size += len(block)
            now = time.monotonic()
            if now > until or is_stopping():
                raise YieldError
            if now - checked_at > 1:
                checked_at = now
                tick()
                if is_encode_waiting():
                    raise YieldError
    return size, digest.hexdigest()


def _named_files() -> Iterator[ExpectedFile]:
    yield from _files_of_videos()
    renditions = Rendition.objects.filter(is_complete=True)
    columns = ("root", "filename", "size_bytes", "layout")
    for root, name, size, layout in _rows(renditions, *columns):
        # While a file is being finalised, its size is unknown.
        is_known = layout != RenditionLayout.FINALISING
        yield ExpectedFile(root=root, key=name, size_bytes=size if is_known else None)
    for upload in Upload.objects.filter(state=UploadState.OPEN).iterator(chunk_size=ROWS_AT_ONCE):
        if upload.offset_bytes and upload.is_resumable:
            key = f"{upload.folder_name}/{upload.source_path.name}"
            yield ExpectedFile(root=upload.root, key=key, min_bytes=upload.offset_bytes)
    for user in User.objects.exclude(avatar="").iterator(chunk_size=ROWS_AT_ONCE):
        yield ExpectedFile(root=roots.IMAGES, key=f"avatars/{user.avatar}")
    for category in Category.objects.exclude(image="").iterator(chunk_size=ROWS_AT_ONCE):
        yield ExpectedFile(root=roots.IMAGES, key=f"categories/{category.image}")


def _to_be_finalised() -> QuerySet[Rendition]:
    layouts = (RenditionLayout.FRAGMENTED, RenditionLayout.FINALISING)
    return Rendition.objects.filter(is_complete=True, layout__in=layouts)


def _files_of_videos() -> Iterator[ExpectedFile]:
    """A published video's file is one of its renditions; sample videos have no renditions."""
    has_renditions = Exists(Rendition.objects.filter(video=OuterRef("pk"), is_complete=True))
    without = Video.objects.filter(
        ~has_renditions & ~Q(storage_root=""), processing_status=ProcessingStatus.COMPLETED
    )
    for root, name in _rows(without, "storage_root", "filename"):
        yield ExpectedFile(root=root, key=name)
    for kind in ("thumbnail", "storyboard"):
        having = Video.objects.exclude(**{f"{kind}_root": ""})
        for root, name in _rows(having, f"{kind}_root", f"{kind}_filename"):
            if name:
                yield ExpectedFile(root=root, key=name)
    for kind in ("source", "original"):
        having = Video.objects.exclude(**{f"{kind}_key": ""})
        for root, key in _rows(having, f"{kind}_root", f"{kind}_key"):
            yield ExpectedFile(root=root, key=key)


def _rows(queryset: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    yield from queryset.values_list(*columns).iterator(chunk_size=ROWS_AT_ONCE)
