"""What the workers do for videos. Takes primitives, fetches, delegates."""

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
    thumbnails,
)
from videos.services.processing import adopt as adopting
from videos.services.processing import attempt as processing
from videos.services.processing import jobs
from videos.services.uploads import create as uploads
from videos.services.uploads import finish as finishing

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def run_next_job() -> str:
    """In the cluster for all that is quick."""
    return processing.process_next_job(jobs.QUICK)


def run_next_encode() -> str:
    """In the cluster for what takes long."""
    return processing.process_next_job(jobs.SLOW)


def look_after_jobs() -> int:
    """Every minute: mends what a wrong clock left, takes back lost leases, finishes and ends
    uploads that nobody asks about, sweeps what killed workers left, wakes for work that nobody was
    woken for, writes what the search's index lacks, keeps SQLite's log small."""
    clock.look_at_clock()
    taken_back = jobs.take_back_lost_jobs()
    _each(
        finishing.finish_whole_uploads,
        uploads.end_expired_uploads,
        files.sweep_temp,
        lambda: files.sweep_strays(spared=adopting.may_be_adopted),
        thumbnails.ask_for_lost_thumbnails,
        jobs.wake_for_due_jobs,
        search_changes.apply_waiting_changes,
        shrink_write_ahead_log,
        deletions.wake_for_deletions,
        removing.work_off_for_a_while,
    )
    return taken_back


def _each(*steps: Callable[[], int | None]) -> int:
    """Takes one step after the other; a disk that fails in one leaves the others. Returns the sum
    of what they return."""
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
    return thumbnails.make_chosen_thumbnail(UUID(video_id))


def make_small_thumbnail(video_id: str) -> bool:
    return small_thumbnails.make_small_thumbnail(UUID(video_id))


def make_missing_small_thumbnails() -> int:
    """Every ten minutes."""
    return small_thumbnails.make_missing_small_thumbnails()


def work_off_removals() -> int:
    return removing.work_off_for_a_while()


def delete_marked_rows() -> int:
    """Of videos and members of whom many go at once."""
    return deletions.delete_marked_rows()


def remove_files(video_id: str, paths: list[str]) -> None:
    """For what stood in the queue when the table of removals came."""
    removals.request_removals(
        [file for path in paths if (file := stored_files.file_at(path)) is not None],
        reason=RemovalReason.DELETED,
        video_id=UUID(video_id),
    )


def tidy_up() -> int:
    """Every ten minutes: what nobody needs in the temp folder, and what was kept for long enough:
    ended uploads, originals, guest links, deleted playlists, captions and
    comments, notifications. Folds captions that an older version stored."""
    search_index.index_missing_captions()
    return _each(
        uploads.forget_uploads,
        files.sweep_temp,
        files.sweep_small_thumbnails,
        adopting.adopt_unfinished_videos,
        files.prune_originals,
        guest_links.forget_ended_links,
        captions.forget_removed_captions,
        playlists.forget_deleted_playlists,
        comments.forget_deleted_comments,
        notifications.forget_old_notifications,
    )


def hash_stored_files() -> int:
    """Every ten minutes, in the cluster for slow work: hashes files that were published since."""
    return file_hashes.hash_stored_files()


def refresh_statistics() -> None:
    """Daily: a second or two among a million videos. Forgets hashes of files that are gone."""
    statistics.refresh_statistics()
    file_hashes.forget_hashes_of_removed_files()
