"""Schedules of the tasks that workers run regularly."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from clipset.workers.task_queue import ensure_schedule

_SLOW: Final[str] = settings.TRANSCODE_CLUSTER
# Name, dotted path of the task, minutes between runs, cluster (None: the first one).
SCHEDULES: Final[tuple[tuple[str, str, int, str | None], ...]] = (
    ("Reset weekly quotas", "accounts.tasks.reset_quotas", 60, None),
    ("Remove expired sessions and invitations", "accounts.tasks.clear_expired", 24 * 60, None),
    ("Delete accounts of members who left", "accounts.tasks.trash_leaving_members", 60, None),
    ("Look after jobs", "videos.tasks.look_after_jobs", 1, None),
    ("Tidy up the temp folder", "videos.tasks.tidy_up", 10, None),
    ("Make missing thumbnails for lists", "videos.tasks.make_missing_small_thumbnails", 10, None),
    ("Refresh the database's statistics", "videos.tasks.refresh_statistics", 24 * 60, None),
    ("Count the days", "videos.tasks.count_days", 60, None),
    ("Look for what is wrong", "siteconfig.tasks.run_doctor", 24 * 60, None),
    ("Take the nightly backup", "siteconfig.tasks.take_nightly_backup", 60, _SLOW),
    ("Hash stored files", "videos.tasks.hash_stored_files", 10, _SLOW),
    ("Finalise files of older versions", "videos.tasks.finalise_older_files", 10, _SLOW),
)


def set_up_schedules() -> int:
    """Creates all schedules or updates them. Returns how many there are."""
    for name, function, minutes, cluster in SCHEDULES:
        ensure_schedule(name, function, minutes=minutes, cluster=cluster)
    return len(SCHEDULES)
