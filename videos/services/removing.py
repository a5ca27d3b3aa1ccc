"""Removes stored files, each because a row of `removals` asks for it.

Workers do it in short batches, in a task for each transaction that requests removals and in the
sweep of every minute. Before a file is removed, it is checked again that no row names it. A file
that cannot be removed (read-only or failing disk, missing root) keeps its row with the error, and
is tried again later.
"""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from siteconfig.roots import RootUnavailableError, is_available
from siteconfig.services.heartbeat import alive_before
from videos.models import (
    ProcessingStatus,
    Removal,
    RemovalReason,
    Video,
)
from videos.services.named_files import named_files
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
    published_files,
    small_of,
    stored_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

MAX_BATCH: Final = 100  # rows that are leased at once
MAX_SECONDS: Final = 2.0  # of one call, so that a new upload does not wait for a worker
MIN_DELAY: Final = timedelta(seconds=30)  # after the first failure; doubles with each
MAX_DELAY: Final = timedelta(hours=1)

ROOT_MISSING: Final = "The storage root is not available."


def work_off_due_removals() -> int:
    """Removes what is due for two seconds at most; another task, at the end of the queue, does the
    rest. Does nothing while another worker removes files. Returns how many removals are done."""
    if removals_are_at_work():
        return 0
    done = work_off_removals()
    if _due().exists() and not removals_are_paused():
        enqueue_removals()
    return done


def work_off_removals(*, video_id: UUID | None = None, seconds: float = MAX_SECONDS) -> int:
    """Removes what is due, or only what is due of one video. Returns how many removals are done."""
    due = _due() if video_id is None else _due().filter(video_id=video_id)
    return _work_off(due, seconds)


def remove_now(files: Iterable[StoredFile]) -> int:
    """Carries out the removals of these few files at once, as far as possible now. Returns how many
    are done."""
    wanted = Q(pk__in=[])
    for file in files:
        wanted |= Q(root=file.root, key=file.key)
    return _work_off(_due().filter(wanted), MAX_SECONDS)


def _due() -> QuerySet[Removal]:
    """Removals that are due and not leased."""
    now = timezone.now()
    # Counted in days on which the site was alive: a clock that jumps ahead must not cost a source.
    young = Q(reason=RemovalReason.FAILED, created_at__gte=alive_before(days=KEEP_FAILED_DAYS))
    free = Q(taken_until=None) | ~is_held()
    return Removal.objects.filter(free, due_at__lte=now, next_try_at__lte=now).exclude(young)


def _work_off(due: QuerySet[Removal], seconds: float) -> int:
    """Carries out removals in batches for `seconds` at most. Returns how many are done."""
    deadline = time.monotonic() + seconds
    done = 0
    while time.monotonic() < deadline:
        batch = _lease(due)
        if not batch:
            break
        done += _carry_out(batch, deadline)
    return done


def _lease(due: QuerySet[Removal]) -> list[Removal]:
    """Leases up to a hundred rows.

    They are leased before it is checked whether a backup is running. A backup first records that it
    is running, then checks for leases: so one of the two sees the other.
    """
    if not due.exists() or removals_are_paused():
        return []
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        batch = list(
            due.order_by("next_try_at", "pk").select_for_update(skip_locked=skip)[:MAX_BATCH]
        )
        until = timezone.now() + LEASE
        leased = Removal.objects.filter(pk__in=[removal.pk for removal in batch])
        leased.update(taken_until=until, tries=F("tries") + 1)
    for removal in batch:
        removal.taken_until, removal.tries = until, removal.tries + 1
    if removals_are_paused():
        _release(batch)
        return []
    return batch


def _release(batch: Sequence[Removal]) -> None:
    """Ends the leases of removals that were not tried."""
    if batch:
        _leased(batch).update(taken_until=None, tries=F("tries") - 1)


def _leased(batch: Sequence[Removal]) -> QuerySet[Removal]:
    """The rows of these removals, without those that were requested again meanwhile."""
    keys = [removal.pk for removal in batch]
    return Removal.objects.filter(pk__in=keys, taken_until=batch[0].taken_until)


def _carry_out(batch: list[Removal], deadline: float) -> int:
    """Carries out a leased batch until the deadline, a time of the monotonic clock. Returns how
    many are done."""
    _forget_failed_sources(batch)
    named = named_files(batch)
    available: dict[str, bool] = {}
    done: list[Removal] = []
    failed: list[Removal] = []
    for number, removal in enumerate(batch):
        if number and time.monotonic() > deadline:
            _release(batch[number:])
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
        _leased(done).delete()
    _put_off(failed)
    return len(done)


def _remove(removal: Removal) -> str:
    """Removes a file or a folder; with a source also the folder of its upload, with a thumbnail
    also the small one. Returns the problem, or ""."""
    try:
        path = stored_path(removal.root, removal.key)
        was_there = _remove_from_disk(path)
        # Not for avatars and covers: their folders hold those of others.
        if "/" in removal.key and removal.key.startswith("upload-"):
            _remove_folder_of_source(removal.root, path.parent)
    except (OSError, ValueError, RootUnavailableError) as error:
        return getattr(error, "strerror", None) or str(error)
    # On a disk that went away meanwhile, the file looks as if it had been removed.
    return "" if was_there or is_available(removal.root) else ROOT_MISSING


def _remove_folder_of_source(root: str, folder: Path) -> None:
    """Removes the folder of an upload unless a row names another file in it. Raises: OSError."""
    with suppress(OSError):  # not empty
        folder.rmdir()
    sources = Video.objects.filter(source_root=root, source_key__startswith=f"{folder.name}/")
    if folder.is_dir() and not sources.exists():
        shutil.rmtree(folder)


def _remove_from_disk(path: Path) -> bool:
    """Removes a file with its small thumbnail, or a folder. False when there was none. Raises:
    OSError."""
    small_of(path).unlink(missing_ok=True)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        shutil.rmtree(path)
    return True


def _put_off(failed: list[Removal]) -> None:
    """Ends the leases of failed removals and sets the time of the next try."""
    now = timezone.now()
    for removal in failed:
        delay = min(MAX_DELAY, MIN_DELAY * 2 ** min(removal.tries - 1, 10))
        _leased([removal]).update(
            taken_until=None, next_try_at=now + delay, last_error=removal.last_error
        )
    if failed:
        logger.warning("%d files could not be removed: %s", len(failed), failed[0].last_error)


# -- sources and leftovers ------------------------------------------------------------------------


def _forget_failed_sources(batch: list[Removal]) -> None:
    """Clears the source of failed videos that nobody retried in time. A video that is retried keeps
    its source."""
    for removal in batch:
        if removal.reason == RemovalReason.FAILED and removal.video_id:
            with transaction.atomic():
                if not _leased([removal]).exists():  # cancelled by a retry
                    continue
                failed = Video.objects.filter(
                    pk=removal.video_id,
                    processing_status=ProcessingStatus.FAILED,
                    source_root=removal.root,
                    source_key=removal.key,
                )
                failed.update(source_root="", source_key="")


def _remove_leftovers(done: list[Removal]) -> set[UUID]:
    """Removes further files of deleted videos, found by their names: a worker may have published
    them after the row was read for the deletion. Returns the videos of which files are left."""
    deleted = {
        removal.video_id
        for removal in done
        if removal.reason == RemovalReason.DELETED and removal.video_id
    }
    if not deleted:
        return set()
    deleted -= set(Video.objects.filter(pk__in=deleted).values_list("pk", flat=True))
    remaining: set[UUID] = set()
    for video_id, files in published_files(deleted).items():
        for file in files:
            row = Removal(root=file.root, key=file.key, video_id=video_id)
            if _remove(row):
                remaining.add(video_id)
    return remaining
