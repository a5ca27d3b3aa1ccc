"""Requests for the removal of stored files, and their pause while a backup runs.

`request_removals` writes rows in the transaction that makes the files unneeded;
videos.services.removing carries them out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from clipset.database.clock import LEASE_SLACK
from clipset.workers.task_queue import enqueue
from siteconfig.backup.runs import backup_is_running
from videos.models import Removal, RemovalReason
from videos.services.stored_files import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from videos.models import Upload, Video

# How long the source of a failed video is kept, so that it can be retried.
KEEP_FAILED_DAYS: Final = 14
KEEP_FAILED_SOURCE: Final = timedelta(days=KEEP_FAILED_DAYS)
# How long a worker that removes a file has its row leased.
LEASE: Final = timedelta(seconds=60)


# -- requests -------------------------------------------------------------------------------------


def request_removals(
    files: Iterable[StoredFile],
    *,
    reason: RemovalReason,
    video_id: UUID | None = None,
    after: timedelta = timedelta(0),
) -> None:
    """Requests the removal of files, in the caller's transaction. One INSERT for up to a few
    hundred files.

    A file that has a request gets this one instead. `after` is how long the file is kept from now.
    """
    due_at = timezone.now() + after
    rows = [
        Removal(
            root=file.root,
            key=file.key,
            video_id=video_id,
            reason=reason,
            due_at=due_at,
            next_try_at=due_at,
        )
        for file in dict.fromkeys(files)
    ]
    if not rows:
        return
    Removal.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["root", "key"],
        update_fields=[
            *("video_id", "reason", "due_at", "next_try_at"),
            *("tries", "taken_until", "last_error"),
        ],
    )
    if not after:
        _enqueue_on_commit()


def request_removal_of_upload(upload: Upload) -> None:
    """Requests the removal of an upload's folder, if there is one, in the caller's transaction. If
    its disk is away now, the sweep finds the folder later."""
    if upload.folder_path.exists():
        folder = StoredFile(upload.root, upload.folder_name)
        request_removals([folder], reason=RemovalReason.UPLOAD_ENDED)


def keep_source_for_retry(video: Video) -> None:
    """Requests the removal of a failed video's source in 14 days, in the caller's transaction."""
    if video.source_key:
        request_removals(
            [StoredFile(video.source_root, video.source_key)],
            reason=RemovalReason.FAILED,
            video_id=video.pk,
            after=KEEP_FAILED_SOURCE,
        )


def spare_source(video: Video) -> None:
    """Keeps the sweep from a source that no video's row names yet, and has it removed in 14 days if
    none ever does. An earlier request stays as it is."""
    if video.source_key:
        later = timezone.now() + KEEP_FAILED_SOURCE
        Removal.objects.get_or_create(
            root=video.source_root,
            key=video.source_key,
            defaults={
                "video_id": video.pk,
                "reason": RemovalReason.FAILED,
                "due_at": later,
                "next_try_at": later,
            },
        )


def cancel_failed_source(video: Video) -> None:
    """Cancels the removal of a source whose video is retried. In the retry's transaction, which has
    locked the video's row."""
    Removal.objects.filter(video_id=video.pk, reason=RemovalReason.FAILED).delete()


def cancel_removals(files: Iterable[StoredFile]) -> None:
    """Cancels removals of files that a row names again, in the caller's transaction."""
    for file in files:
        Removal.objects.filter(root=file.root, key=file.key).delete()


def cancel_removals_unless_at_work(files: Iterable[StoredFile], *, video_id: UUID) -> bool:
    """Cancels removals of a video's files that rows name again, in the caller's transaction.

    False, and nothing is changed, while a worker removes files of the video: it has read already
    which files rows name.
    """
    of_video = Q(video_id=video_id)
    for file in files:
        of_video |= Q(root=file.root, key=file.key)
    removals = list(Removal.objects.select_for_update().filter(of_video))
    keys = [it.pk for it in removals]
    if Removal.objects.filter(is_held(), pk__in=keys).exists():
        return False
    named = set(files)
    again = [it.pk for it in removals if StoredFile(it.root, it.key) in named]
    Removal.objects.filter(pk__in=again).delete()
    return True


def _enqueue_on_commit() -> None:
    """Enqueues one task for all requests of a transaction. An error is logged only: the change is
    committed, and the sweep of every minute does the work."""
    if not any(entry[1] is enqueue_removals for entry in connection.run_on_commit):
        transaction.on_commit(enqueue_removals, robust=True)


def enqueue_removals() -> None:
    """Enqueues a task that removes what is due."""
    enqueue("videos.tasks.work_off_removals")


# -- pauses ---------------------------------------------------------------------------------------


def removals_are_paused() -> bool:
    """Whether a backup is running, which must find every file that its database names."""
    return backup_is_running()


def removals_are_at_work() -> bool:
    """Whether a worker removes files at this moment."""
    return Removal.objects.filter(is_held()).exists()


def is_held() -> Q:
    """Rows that a worker has leased. A lease that ends later than possible was written by a clock
    that was ahead and does not count; another host's clock may be a little ahead."""
    now = timezone.now()
    return Q(taken_until__gt=now, taken_until__lte=now + LEASE + LEASE_SLACK)
