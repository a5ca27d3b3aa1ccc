"""The health checks of the site itself. The other apps register their own in siteconfig.health."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone

from clipset.lib.units import human_bytes
from siteconfig.health import Health, register_health_check
from siteconfig.models import BackupRun, BackupState, Config
from siteconfig.places import SETTINGS
from siteconfig.roots import is_available, root_path
from siteconfig.schema import migration_problem
from siteconfig.services.cluster_heartbeats import STALE_SECONDS, cluster_ages

# One day, and 12 hours for a large backup.
MAX_BACKUP_AGE: Final = timedelta(hours=36)
# With less space on the disk of the database, saving anything may fail.
MIN_DATABASE_BYTES: Final = 16 * 1024**2


def check_database() -> Health:
    if Config.objects.filter(pk=Config.SINGLETON_ID).exists():
        return Health(is_well=True, summary="The database answers.")
    return Health(is_well=False, summary="The database is not set up: it has no configuration.")


def check_migrations() -> Health:
    problem = migration_problem()
    return Health(
        is_well=not problem, summary=problem or "The database has all migrations of this version."
    )


def check_workers() -> Health:
    """Checks that each cluster of workers has recently sent a heartbeat from some host."""
    if not settings.HEALTH_EXPECTS_WORKERS:
        return Health(is_well=True, summary="No workers are expected (HEALTH_EXPECTS_WORKERS).")
    ages = cluster_ages()
    late = [name for name, age in ages.items() if age is None or abs(age) > STALE_SECONDS]
    facts = {"seconds_since_heartbeat": ages}
    if not late:
        return Health(is_well=True, summary="All workers are running.", facts=facts)
    return Health(
        is_well=False,
        summary=f"No heartbeat for {STALE_SECONDS} s from the workers of: {', '.join(late)}. See "
        "their logs in data/log and restart them.",
        facts=facts,
    )


def check_database_space() -> Health:
    """Checks the space on the disk of the database if it is a file."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.sqlite3":
        return Health(is_well=True, summary="The database is not a file on this host.")
    free = shutil.disk_usage(Path(database["NAME"]).parent).free
    return Health(
        is_well=free >= MIN_DATABASE_BYTES,
        summary=f"The disk of the database has {human_bytes(free)} free.",
        facts={"free_bytes": free},
    )


def check_space() -> Health:
    """Checks the space for uploads, which are refused below MIN_FREE_DISK_BYTES."""
    folders = {name: root_path(name) for name in SETTINGS if is_available(name)}
    free = {name: shutil.disk_usage(folder).free for name, folder in folders.items()}
    if not free:
        return Health(is_well=False, summary="No storage root is available.")
    least = min(free.values())
    return Health(
        is_well=least >= settings.MIN_FREE_DISK_BYTES,
        summary=f"The fullest disk has {human_bytes(least)} free. Uploads are refused below "
        f"{human_bytes(settings.MIN_FREE_DISK_BYTES)}.",
        facts={"free_bytes": free},
    )


def check_backup() -> Health:
    """Checks the age of the last backup if backups are set up."""
    if not settings.BACKUP_REPOSITORY:
        summary = "No backups are taken: BACKUP_REPOSITORY is not set. See Backups in the admin."
        return Health(is_well=True, summary=summary, facts={"last": None})
    last = BackupRun.objects.filter(state=BackupState.DONE).first()
    failed = BackupRun.objects.filter(state=BackupState.FAILED).first()
    facts = {"last": last.started_at.isoformat() if last else None}
    if last is not None and timezone.now() - last.started_at < MAX_BACKUP_AGE:
        summary = f"The last backup is from {last.started_at:%Y-%m-%d %H:%M} UTC."
        return Health(is_well=True, summary=summary, facts=facts)
    age = "There is no backup yet."
    if last is not None:
        age = f"The last backup is from {last.started_at:%Y-%m-%d %H:%M} UTC."
    if failed is not None and (last is None or failed.started_at > last.started_at):
        then = f"The last attempt failed: {failed.error}"
    else:
        then = "Take one on the page Backups in the admin."
    return Health(is_well=False, summary=f"{age} {then}", facts=facts)


def register_checks() -> None:
    register_health_check("database", check_database, is_vital=True)
    register_health_check("migrations", check_migrations, is_vital=True)
    register_health_check("workers", check_workers, is_vital=True)
    register_health_check("database_space", check_database_space, is_vital=True)
    register_health_check("space", check_space, is_vital=False)
    register_health_check("backup", check_backup, is_vital=False)
