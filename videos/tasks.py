"""Functions that the task queue calls. Their dotted paths are stored in the queue and in schedules,
so a renamed one must keep its old name as long as a queue may hold it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import UUID

from clipset.database import statistics
from clipset.database.write_ahead_log import shrink_write_ahead_log
from clipset.lib.disk import StorageUnavailableError, is_disk_away, is_disk_full
from videos.models import RemovalReason
from videos.services import (
    captions,
    clock,
    comments,
    daily_statistics,
    deletions,
    file_hashes,
    files,
    guest_links,
    notifications,
    playlists,
    removals,
    removing,
    search_changes,
    search_index,
    small_thumbnails,
    stored_files,
    stored_total,
    thumbnails,
)
from videos.services.processing import adopt, attempt, enqueue, finalise, jobs
from videos.services.uploads import expire, finish

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def run_next_job() -> str:
    """Makes one attempt at a job that takes seconds. In the first cluster."""
    return attempt.process_next_job(enqueue.QUICK)


def run_next_encode() -> str:
    """Makes one attempt at a job that takes minutes or hours. In the slow cluster."""
    return attempt.process_next_job(enqueue.SLOW)


def look_after_jobs() -> int:
    """Repairs and resumes what stopped processes and a wrong clock left. Every minute.

    In this order: times in the future, lost leases, uploads that nobody finished or that expired,
    the temp folder, files of killed attempts, tasks that were lost, the search index, SQLite's
    write-ahead log, deletions and removals. Returns how many jobs had lost their lease.
    """
    clock.correct_future_times()
    requeued = jobs.requeue_lost_jobs()
    _run_each(
        finish.finish_whole_uploads,
        expire.end_expired_uploads,
        files.sweep_temp,
        lambda: files.sweep_strays(spared=adopt.may_be_adopted),
        thumbnails.enqueue_lost_thumbnails,
        enqueue.enqueue_due_jobs,
        search_changes.apply_waiting_changes,
        shrink_write_ahead_log,
        deletions.enqueue_deletions,
        removing.work_off_due_removals,
    )
    return requeued


def _run_each(*steps: Callable[[], int | None]) -> int:
    """Runs one step after the other; a disk that fails in one step does not stop the next. Returns
    the sum of what the steps return."""
    done = 0
    for step in steps:
        try:
            done += step() or 0
        except (OSError, StorageUnavailableError) as error:
            if not (is_disk_away(error) or is_disk_full(error)):
                raise
            logger.warning("a part of the housekeeping is left for later: %s", error)
    return done


def make_chosen_thumbnail(video_id: str) -> bool:
    """Makes the thumbnail from the frame that was chosen. False when there is none to make."""
    return thumbnails.make_chosen_thumbnail(UUID(video_id))


def make_small_thumbnail(video_id: str) -> bool:
    """Makes the small thumbnail of one video. False when there is none to make."""
    return small_thumbnails.make_small_thumbnail(UUID(video_id))


def make_missing_small_thumbnails() -> int:
    """Makes missing small thumbnails. Every ten minutes. Returns how many."""
    return small_thumbnails.make_missing_small_thumbnails()


def work_off_removals() -> int:
    """Removes stored files that are due, for two seconds at most. Returns how many are done."""
    return removing.work_off_due_removals()


def delete_marked_rows() -> int:
    """Deletes videos and members that were marked for deletion. Returns how many rows."""
    return deletions.delete_marked_rows()


def remove_files(video_id: str, paths: list[str]) -> None:
    """Asks for the removal of files. Kept until version 0.2: the queue of a site that is upgraded
    may hold such a task from before there was a table of removals."""
    removals.request_removals(
        [file for path in paths if (file := stored_files.file_at(path)) is not None],
        reason=RemovalReason.DELETED,
        video_id=UUID(video_id),
    )


def tidy_up() -> int:
    """Clears the temp folder and removes for good what was kept long enough. Every ten minutes.

    That is: closed uploads, originals, guest links, deleted playlists, captions and comments, and
    notifications. Also indexes captions that an older version stored. Returns how many things.
    """
    search_index.index_missing_captions()
    return _run_each(
        expire.forget_uploads,
        files.sweep_temp,
        files.sweep_small_thumbnails,
        adopt.adopt_unfinished_videos,
        files.prune_originals,
        guest_links.forget_ended_links,
        captions.forget_removed_captions,
        playlists.forget_deleted_playlists,
        comments.forget_deleted_comments,
        notifications.forget_old_notifications,
    )


def hash_stored_files() -> int:
    """Hashes stored files that have no hash yet. Every ten minutes, in the slow cluster."""
    return file_hashes.hash_stored_files()


def finalise_older_files() -> int:
    """Makes files of older versions ordinary MP4s. Every ten minutes, in the slow cluster."""
    return finalise.finalise_older_files()


def refresh_statistics() -> None:
    """Daily: refreshes the database's statistics, a second or two among a million videos, and
    forgets the hashes of removed files."""
    statistics.refresh_statistics()
    file_hashes.forget_hashes_of_removed_files()


def count_days() -> int:
    """Counts today and the days that were missed, for the charts of the admin, and adds up what
    each member has stored. Every hour. Returns how many days."""
    stored_total.count_all_stored()
    return daily_statistics.count_days()
