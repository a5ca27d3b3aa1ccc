"""Removing stored files, each because a row of `removals` asks for it.

Workers do it in short batches: woken once a transaction, and by the sweep of every minute. Before a
file is removed it is checked again that no row names it. A file that cannot be removed (read-only
or failing disk, missing root) keeps its row, with the error, and is tried again later.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from accounts.services.avatars import avatar_key
from categories.models import Category
from categories.services import cover_key
from siteconfig.roots import IMAGES, RootUnavailableError, is_available
from siteconfig.services.heartbeat import alive_before
from videos.filenames import video_id_of
from videos.models import (
    ProcessingStatus,
    Removal,
    RemovalReason,
    Rendition,
    Upload,
    UploadState,
    Video,
)
from videos.services.removals import (
    KEEP_FAILED_DAYS,
    LEASE,
    enqueue_removals,
    is_held,
    removals_are_at_work,
    removals_are_paused,
)
from videos.services.stored_files import (
    StoredFile,
    files_of_row,
    published_files,
    small_of,
    stored_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

MAX_BATCH: Final = 100  # rows that are held at once
MAX_SECONDS: Final = 2.0  # of one call, so that a new upload does not wait for a worker
MIN_DELAY: Final = timedelta(seconds=30)  # after the first failure; doubles with each
MAX_DELAY: Final = timedelta(hours=1)

ROOT_MISSING: Final = "The storage root is not available."
IMAGE_FOLDERS: Final = (avatar_key(""), cover_key(""))
_OF_AN_UPLOAD: Final = re.compile(r"upload-([0-9a-f]{32})(/|$)")


def work_off_due_removals() -> int:
    """In a worker: removes what is due for at most two seconds; another wake-up does the rest,
    behind all that waits by then. One worker at a time. Returns how many files are done with."""
    if removals_are_at_work():
        return 0
    done = work_off_removals()
    if _due().exists() and not removals_are_paused():
        enqueue_removals()
    return done


def work_off_removals(*, video_id: UUID | None = None, seconds: float = MAX_SECONDS) -> int:
    """Removes what is due, or only what belongs to one video. Returns how many are done with."""
    due = _due() if video_id is None else _due().filter(video_id=video_id)
    return _work_off(due, seconds)


def remove_now(files: Iterable[StoredFile]) -> int:
    """Fulfils at once what was asked for these few files, where that is possible now."""
    wanted = Q(pk__in=[])
    for file in files:
        wanted |= Q(root=file.root, key=file.key)
    return _work_off(_due().filter(wanted), MAX_SECONDS)


def _due() -> QuerySet[Removal]:
    now = timezone.now()
    # By days on which the site was alive: a clock that leaps ahead must cost nobody a source.
    young = Q(reason=RemovalReason.FAILED, created_at__gte=alive_before(days=KEEP_FAILED_DAYS))
    free = Q(taken_until=None) | ~is_held()
    return Removal.objects.filter(free, due_at__lte=now, next_try_at__lte=now).exclude(young)


def _work_off(due: QuerySet[Removal], seconds: float) -> int:
    deadline = time.monotonic() + seconds
    done = 0
    while time.monotonic() < deadline:
        batch = _take(due)
        if not batch:
            break
        done += _fulfil(batch, deadline)
    return done


def _take(due: QuerySet[Removal]) -> list[Removal]:
    """Holds up to a hundred rows. They are held before it is asked whether a backup runs, which
    looks at what is held after it has said so: one of the two sees the other."""
    if not due.exists() or removals_are_paused():
        return []
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        batch = list(
            due.order_by("next_try_at", "pk").select_for_update(skip_locked=skip)[:MAX_BATCH]
        )
        until = timezone.now() + LEASE
        held = Removal.objects.filter(pk__in=[removal.pk for removal in batch])
        held.update(taken_until=until, tries=F("tries") + 1)
    for removal in batch:
        removal.taken_until, removal.tries = until, removal.tries + 1
    if removals_are_paused():
        _let_go(batch)
        return []
    return batch


def _let_go(batch: Sequence[Removal]) -> None:
    """Of what was not tried."""
    if batch:
        _held(batch).update(taken_until=None, tries=F("tries") - 1)


def _held(batch: Sequence[Removal]) -> QuerySet[Removal]:
    """Not what was asked for again meanwhile."""
    keys = [removal.pk for removal in batch]
    return Removal.objects.filter(pk__in=keys, taken_until=batch[0].taken_until)


def _fulfil(batch: list[Removal], deadline: float) -> int:
    """Returns how many of the batch are done with."""
    _forget_failed_sources(batch)
    named = _named_now(batch)
    available: dict[str, bool] = {}
    done: list[Removal] = []
    failed: list[Removal] = []
    for number, removal in enumerate(batch):
        if number and time.monotonic() > deadline:
            _let_go(batch[number:])
            break
        if StoredFile(removal.root, removal.key) in named:
            logger.info("%s is kept: a row names it", removal.key)
            done.append(removal)
            continue
        if removal.root not in available:
            available[removal.root] = is_available(removal.root)
        problem = _remove(removal) if available[removal.root] else ROOT_MISSING
        removal.last_error = problem[:300]
        (failed if problem else done).append(removal)
    leftover = _remove_leftovers(done)
    done = [removal for removal in done if removal.video_id not in leftover]
    if done:
        _held(done).delete()
    _put_off(failed)
    return len(done)


def _remove(removal: Removal) -> str:
    """Removes a file, or a folder with all that is in it; with a source the folder of its upload,
    with a thumbnail its small one. Returns what is in the way, or ""."""
    try:
        path = stored_path(removal.root, removal.key)
        was_there = _remove_from_disk(path)
        # Not the folder of avatars or covers, which holds those of others.
        if "/" in removal.key and removal.key.startswith("upload-"):
            _remove_folder_of_source(removal.root, path.parent)
    except (OSError, ValueError, RootUnavailableError) as error:
        return getattr(error, "strerror", None) or str(error)
    # A disk that went away in between looks as if the file had been removed.
    return "" if was_there or is_available(removal.root) else ROOT_MISSING


def _remove_folder_of_source(root: str, folder: Path) -> None:
    """Removes the folder of an upload unless a row names another file in it. Raises: OSError."""
    with suppress(OSError):  # not empty
        folder.rmdir()
    sources = Video.objects.filter(source_root=root, source_key__startswith=f"{folder.name}/")
    if folder.is_dir() and not sources.exists():
        shutil.rmtree(folder)


def _remove_from_disk(path: Path) -> bool:
    """False when there was nothing."""
    small_of(path).unlink(missing_ok=True)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        shutil.rmtree(path)
    return True


def _put_off(failed: list[Removal]) -> None:
    now = timezone.now()
    for removal in failed:
        delay = min(MAX_DELAY, MIN_DELAY * 2 ** min(removal.tries - 1, 10))
        _held([removal]).update(
            taken_until=None, next_try_at=now + delay, last_error=removal.last_error
        )
    if failed:
        logger.warning("%d files could not be removed: %s", len(failed), failed[0].last_error)


# -- what may not be removed ----------------------------------------------------------------------


def _forget_failed_sources(batch: list[Removal]) -> None:
    """Sources that nobody tried again in time: their videos no longer name them. A video that is
    tried again keeps its own."""
    for removal in batch:
        if removal.reason == RemovalReason.FAILED and removal.video_id:
            with transaction.atomic():
                if not _held([removal]).exists():  # cancelled by a retry
                    continue
                failed = Video.objects.filter(
                    pk=removal.video_id,
                    processing_status=ProcessingStatus.FAILED,
                    source_root=removal.root,
                    source_key=removal.key,
                )
                failed.update(source_root="", source_key="")


def _named_now(batch: list[Removal]) -> set[StoredFile]:
    """All that is named by rows which may name one of these files. A fixed number of queries.

    The names of published files begin with the id of their video, and a folder in the temp folder
    with that of its upload. Only for others every row has to be looked at.
    """
    names = {PurePosixPath(removal.key).name for removal in batch}
    roots = {removal.root for removal in batch}
    keys = {removal.key for removal in batch}
    videos = {removal.video_id for removal in batch if removal.video_id}
    videos |= {video_id for key in keys if (video_id := video_id_of(key))}
    of_uploads = {removal: upload for removal in batch if (upload := _upload_of(removal))}
    uploads = Upload.objects.filter(pk__in=of_uploads.values())
    videos |= set(uploads.exclude(video=None).values_list("video", flat=True))
    rows = Rendition.objects.filter(root__in=roots, filename__in=names, is_complete=True)
    named = {StoredFile(*row) for row in rows.values_list("root", "filename")}
    owners = [
        *Video.objects.filter(pk__in=videos),
        *Video.objects.filter(filename__in=names),
        *_owners_of_others([removal for removal in batch if _is_of_nobody_known(removal)]),
    ]
    for file in (file for video in owners for file in files_of_row(video)):
        named |= {file, _folder_of(file)}
    named |= _named_images([removal for removal in batch if _is_image(removal)])
    still_open = set(uploads.filter(state=UploadState.OPEN).values_list("pk", flat=True))
    named |= {
        StoredFile(removal.root, removal.key)
        for removal, upload in of_uploads.items()
        if upload in still_open
    }
    return named


def _is_image(removal: Removal) -> bool:
    """Whether it is an avatar or a cover."""
    return removal.root == IMAGES and removal.key.startswith(IMAGE_FOLDERS)


def _named_images(batch: list[Removal]) -> set[StoredFile]:
    """Of these avatars and covers, those that a row names again."""
    if not batch:
        return set()
    names = [PurePosixPath(removal.key).name for removal in batch]
    avatars = User.objects.filter(avatar__in=names).values_list("avatar", flat=True)
    covers = Category.objects.filter(image__in=names).values_list("image", flat=True)
    keys = [*map(avatar_key, avatars), *map(cover_key, covers)]
    return {StoredFile(IMAGES, key) for key in keys}


def _upload_of(removal: Removal) -> UUID | None:
    found = _OF_AN_UPLOAD.match(removal.key)
    return UUID(found[1]) if found else None


def _folder_of(file: StoredFile) -> StoredFile:
    """The folder of an upload is needed as long as its source is."""
    head, slash, _ = file.key.partition("/")
    return StoredFile(file.root, head) if slash else file


def _is_of_nobody_known(removal: Removal) -> bool:
    is_known = _is_image(removal) or video_id_of(removal.key)
    return removal.video_id is None and not is_known


def _owners_of_others(batch: list[Removal]) -> list[Video]:
    """Looks at every row."""
    if not batch:
        return []
    names = [PurePosixPath(removal.key).name for removal in batch]
    keys = [removal.key for removal in batch]
    below = Q(pk__in=[])
    for key in keys:
        below |= Q(source_key__startswith=f"{key}/")
    return list(
        Video.objects.filter(
            below
            | Q(thumbnail_filename__in=names)
            | Q(storyboard_filename__in=names)
            | Q(source_key__in=keys)
            | Q(original_key__in=keys)
        )
    )


def _remove_leftovers(done: list[Removal]) -> set[UUID]:
    """Removes what carries the name of a deleted video besides: a worker may have published it
    after the row was read for the deletion. Returns the videos of which something is left."""
    deleted = {
        removal.video_id
        for removal in done
        if removal.reason == RemovalReason.DELETED and removal.video_id
    }
    if not deleted:
        return set()
    deleted -= set(Video.objects.filter(pk__in=deleted).values_list("pk", flat=True))
    left: set[UUID] = set()
    for video_id, files in published_files(deleted).items():
        for file in files:
            row = Removal(root=file.root, key=file.key, video_id=video_id)
            if _remove(row):
                left.add(video_id)
    return left
