"""Health checks of videos: whether stored files are available, and whether jobs and schedules run.

A long or late queue is not vital, so that it does not make the site count as down.
"""

from __future__ import annotations

import shutil
from typing import Final

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from clipset.workers.task_queue import schedule_delays
from siteconfig.health import Health, register_health_check
from siteconfig.places import SETTINGS
from siteconfig.roots import is_available, root_path
from videos.models import Job, JobState
from videos.querysets import outside_trash_q
from videos.selectors.trash import trash_total
from videos.services.storage import missing_roots
from videos.transcode.confine import weaknesses

# Encodes may queue for hours. Schedules run every minute or more, and are checked every 30 s.
LATE_JOB_SECONDS: Final = 3600
LATE_SCHEDULE_SECONDS: Final = 300
WELL_CONFINED: Final = "FFmpeg and the decoder of images see only their input and their results."


def check_jobs() -> Health:
    """Checks how long the oldest due job has waited."""
    now = timezone.now()
    due = Job.objects.filter(outside_trash_q("video__"), state=JobState.WAITING, run_after__lte=now)
    oldest = due.aggregate(oldest=Min("run_after"))["oldest"]
    if oldest is None:
        return Health(is_well=True, summary="No job is due.", facts={"oldest_due_seconds": None})
    seconds = round((now - oldest).total_seconds())
    return Health(
        is_well=seconds <= LATE_JOB_SECONDS,
        summary=f"The oldest due job has waited for {seconds} s.",
        facts={"oldest_due_seconds": seconds},
    )


def check_schedules() -> Health:
    """Checks that no schedule is late."""
    late = {
        name: round(seconds)
        for name, seconds in schedule_delays().items()
        if seconds > LATE_SCHEDULE_SECONDS
    }
    if not late:
        return Health(is_well=True, summary="All schedules are on time.", facts={"late": {}})
    return Health(
        is_well=False,
        summary=f"Late: {', '.join(sorted(late))}. The workers of the queue run them.",
        facts={"late_seconds": late},
    )


def check_roots() -> Health:
    """Checks that every needed storage root is available on this host."""
    away = missing_roots()
    if not away:
        return Health(is_well=True, summary="All storage roots are available.")
    return Health(
        is_well=False,
        summary=" ".join(f"The storage root '{name}' is away: {why}" for name, why in away.items()),
        facts={"away": away},
    )


def check_sandbox() -> Health:
    """Checks that FFmpeg and the decoder of images can be confined here, for this user."""
    found = weaknesses()
    summary = " ".join(found) or WELL_CONFINED
    return Health(is_well=not found, summary=summary)


def check_trash() -> Health:
    """Checks that a disk without room for uploads is not full of what was deleted.

    The trash is summed up only then.
    """
    free = [shutil.disk_usage(root_path(name)).free for name in SETTINGS if is_available(name)]
    is_full = bool(free) and min(free) < settings.MIN_FREE_DISK_BYTES
    if not is_full or not (held := trash_total()).amount:
        summary = "The trash takes no room that is needed."
        return Health(is_well=True, summary=summary)
    return Health(
        is_well=False,
        summary=f"Uploads are refused because a disk is full, and the trash holds "
        f"{held.size}. An admin can delete it for good: Videos in the admin, In the trash.",
        facts={"trash_bytes": held.amount},
    )


def register_checks() -> None:
    """Registers the checks in siteconfig.health."""
    register_health_check("roots", check_roots, is_vital=True)
    register_health_check("jobs", check_jobs, is_vital=False)
    register_health_check("schedules", check_schedules, is_vital=False)
    register_health_check("sandbox", check_sandbox, is_vital=False)
    register_health_check("trash", check_trash, is_vital=False)
