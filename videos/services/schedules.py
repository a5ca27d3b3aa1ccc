"""What the workers run regularly."""

from __future__ import annotations

from typing import Final

from clipset.lib.queue import ensure_schedule

# Name, function, minutes from one run to the next.
SCHEDULES: Final = (
    ("Reset weekly quotas", "accounts.tasks.reset_quotas", 60),
    ("Remove expired sessions and invitations", "accounts.tasks.clear_expired", 24 * 60),
    ("Look after jobs", "videos.tasks.look_after_jobs", 1),
    ("Tidy up the temp folder", "videos.tasks.tidy_up", 10),
    ("Make missing thumbnails for lists", "videos.tasks.make_missing_small_thumbnails", 10),
    ("Refresh the database's statistics", "videos.tasks.refresh_statistics", 24 * 60),
    ("Look for what is wrong", "siteconfig.tasks.run_doctor", 24 * 60),
)


def set_up_schedules() -> int:
    """Creates all schedules, or brings them up to date. Returns how many there are."""
    for name, function, minutes in SCHEDULES:
        ensure_schedule(name, function, minutes=minutes)
    return len(SCHEDULES)
