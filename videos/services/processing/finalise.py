"""Finalises the files of older versions: each becomes an ordinary MP4, in place.

New files are finalised before they are published (videos.transcode.pipeline). A schedule does the
others, one at a time, while no job runs or is due and no backup runs. Each file keeps playing
meanwhile (videos.transcode.finalise). For leases see videos.services.finalising.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from clipset.database.clock import database_now
from clipset.lib.disk import is_disk_away, is_disk_full
from clipset.workers.stopping import is_stopping
from clipset.workers.ticks import tick as show_life
from siteconfig.backup.runs import backup_is_running
from videos.filenames import COPY
from videos.models import FileHash, Job, JobState, Rendition, RenditionLayout, Video
from videos.querysets import outside_trash_q
from videos.services.finalising import MAX_TRIES, Lease, LeaseLostError, lease_next
from videos.transcode.errors import DiskFullError, NotFragmentedError, ProcessingError
from videos.transcode.finalise import carry_out, hashes, plan_finalisation
from videos.transcode.user_data import remove_user_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from videos.transcode.finalise import Finalisation

logger = logging.getLogger(__name__)

SECONDS_A_RUN: Final = 240.0
HEARTBEAT_SECONDS: Final = 10.0
CHANGED: Final = "it has changed since its SHA-256 was stored"


class _PausedError(Exception):
    """The work is to go on later: a job is due, or the workers stop."""


class _DiskError(Exception):
    """The disk of the file is away or full: the files on other disks do not wait for it."""


def finalise_older_files(*, seconds: float = SECONDS_A_RUN) -> int:
    """Finalises files, and begins none after `seconds`. Returns how many are done."""
    deadline = time.monotonic() + seconds
    done, failed, full = 0, set[int](), set[str]()
    while time.monotonic() < deadline and _may_work():
        lease = lease_next(failed=failed, full=full)
        if lease is None:
            break
        try:
            if _finalise(lease):
                done += 1
            else:
                failed.add(lease.rendition.pk)
        except _DiskError:
            full.add(lease.rendition.root)
        except (_PausedError, LeaseLostError):
            break
    return done


def _may_work() -> bool:
    return not (is_stopping() or _is_work_due() or backup_is_running())


def _is_work_due() -> bool:
    """Whether a job runs or is due: it comes first."""
    waiting = Q(state=JobState.WAITING, run_after__lte=database_now())
    due = waiting & outside_trash_q("video__")
    return Job.objects.filter(due | Q(state=JobState.RUNNING)).exists()


def _ticker(lease: Lease, *, may_pause: bool) -> Callable[[], None]:
    """A function that extends the lease every ten seconds. It raises LeaseLostError and, if
    `may_pause`, _PausedError."""
    renewed_at = time.monotonic()

    def tick() -> None:
        nonlocal renewed_at
        show_life()
        if may_pause and is_stopping():
            raise _PausedError  # within the second that a stop allows
        if time.monotonic() - renewed_at < HEARTBEAT_SECONDS:
            return
        renewed_at = time.monotonic()
        lease.renew()
        if may_pause and not _may_work():
            raise _PausedError

    return tick


def _finalise(lease: Lease) -> bool:
    """Finalises one file. False if it failed. Raises: _PausedError, _DiskError, LeaseLostError."""
    rendition, tick = lease.rendition, _ticker(lease, may_pause=True)
    try:
        plan = plan_finalisation(rendition.path, tick=tick)
        sha256 = _checked_hash(rendition, plan, tick)
        if rendition.name == COPY and not plan.is_done and _remove_user_data(lease):
            plan = plan_finalisation(rendition.path, tick=tick)
            sha256 = hashes(rendition.path, plan, tick=tick)[1]
        _change(lease, plan)
        _store(lease, plan, sha256)
    except _PausedError:
        lease.release()
        raise
    except NotFragmentedError as error:
        logger.warning("%s can't be finalised: %s", rendition.path.name, error.detail)
        lease.end(RenditionLayout.UNFIT)
        return False
    except (DiskFullError, OSError) as error:
        _put_off(lease, error)
        return False
    logger.info("%s was finalised", rendition.path.name)
    return True


def _put_off(lease: Lease, error: Exception) -> None:
    """Ends a try that an error of the disk ended. Raises: _DiskError if it is none of the file's
    own; LeaseLostError."""
    name = lease.rendition.path.name
    if isinstance(error, DiskFullError) or is_disk_full(error) or is_disk_away(error):
        logger.warning("finalising %s waits for its disk: %s", name, error)
        lease.put_off()
        raise _DiskError from error
    is_last = lease.rendition.finalise_tries >= MAX_TRIES
    logger.error("%s could not be finalised: %s", name, error)
    lease.end(RenditionLayout.UNFIT if is_last else RenditionLayout.FRAGMENTED)


def _checked_hash(rendition: Rendition, plan: Finalisation, tick: Callable[[], None]) -> str:
    """The SHA-256 of the finished file. Raises: NotFragmentedError if the file is not the one whose
    hash was stored."""
    before, after = hashes(rendition.path, plan, tick=tick)
    known = _hash_of(rendition).first()
    if known is not None and not plan.is_done and known.sha256 != before:
        raise NotFragmentedError(CHANGED)
    return after


def _hash_of(rendition: Rendition) -> QuerySet[FileHash]:
    return FileHash.objects.filter(root=rendition.root, key=rendition.filename)


def _remove_user_data(lease: Lease) -> bool:
    """Removes what a camera wrote between the frames of a copy, such as places; older versions kept
    it. Returns whether the file may have changed. Raises: LeaseLostError."""
    path = lease.rendition.path
    lease.renew()
    _hash_of(lease.rendition).delete()  # would be wrong after the first change
    try:
        return remove_user_data(path, tick=_ticker(lease, may_pause=False)) > 0
    except ProcessingError as error:  # the file plays as it is
        logger.warning("%s may hold user data: %s", path.name, error.detail)
        return True  # in front of what could not be read


def _change(lease: Lease, plan: Finalisation) -> None:
    """Changes the file. From here on its stored hash would be wrong, so that is deleted first."""
    lease.renew()
    _hash_of(lease.rendition).delete()
    carry_out(lease.rendition.path, plan, tick=_ticker(lease, may_pause=False))


def _store(lease: Lease, plan: Finalisation, sha256: str) -> None:
    """Stores size, hash and layout in one transaction, fenced on the lease.

    Raises: LeaseLostError.
    """
    rendition = lease.rendition
    with transaction.atomic():
        # Locked first, as everywhere where the sum of its files changes.
        Video.objects.select_for_update().filter(pk=rendition.video_id).first()
        lease.end(RenditionLayout.ORDINARY, size_bytes=plan.size, finalise_tries=0)
        FileHash.objects.update_or_create(
            root=rendition.root,
            key=rendition.filename,
            defaults={"size_bytes": plan.size, "sha256": sha256, "hashed_at": database_now()},
        )
        files = Rendition.objects.filter(video=rendition.video_id)
        stored = files.aggregate(sum=Sum("size_bytes"))["sum"]
        Video.objects.filter(pk=rendition.video_id).update(stored_bytes=stored)
