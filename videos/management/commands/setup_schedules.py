"""Makes what runs regularly. Harmless when it is there already."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from clipset.lib.queue import ensure_schedule

SCHEDULES = (
    ("Reset weekly quotas", "accounts.tasks.reset_quotas", 60),
    ("Remove expired sessions and invitations", "accounts.tasks.clear_expired", 24 * 60),
    ("Look after jobs", "videos.tasks.look_after_jobs", 1),
    ("Tidy up the temp folder", "videos.tasks.tidy_up", 10),
    ("Make missing thumbnails for lists", "videos.tasks.make_missing_small_thumbnails", 10),
    ("Refresh the database's statistics", "videos.tasks.refresh_statistics", 24 * 60),
)


# In the cluster for slow work.
SLOW_SCHEDULES = (
    ("Take the nightly backup", "siteconfig.tasks.take_nightly_backup", 60),
    ("Hash stored files", "videos.tasks.hash_stored_files", 10),
)


class Command(BaseCommand):
    help = "Makes the schedules that the workers run, or brings them up to date."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name, function, minutes in SCHEDULES:
            ensure_schedule(name, function, minutes=minutes)
        for name, function, minutes in SLOW_SCHEDULES:
            ensure_schedule(name, function, minutes=minutes, cluster=settings.TRANSCODE_CLUSTER)
        self.stdout.write(f"{len(SCHEDULES) + len(SLOW_SCHEDULES)} schedules stand.")
