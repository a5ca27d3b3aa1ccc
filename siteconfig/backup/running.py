"""Takes a backup while the site runs: database first, then files, which never change.

Between the two nothing may be removed, so a row of `backup_runs` holds a lease meanwhile: removals
wait while one is RUNNING (`backup_is_running`). A file that is published in between is in the
backup without its row; a restored site adopts it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from clipset.lib.clock import LEASE_SLACK
from clipset.lib.durable import sync
from clipset.lib.stopping import is_stopping
from clipset.lib.ticks import tick
from siteconfig import roots
from siteconfig.backup.completeness import check_completeness, named_files
from siteconfig.backup.database import dump_database
from siteconfig.backup.expected import removals_are_at_work
from siteconfig.backup.manifest import NAME, Manifest, applied_migrations
from siteconfig.backup.restic import BackupError, BackupProgress, NoRepositoryError, Restic
from siteconfig.models import BackupRun, BackupState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from siteconfig.backup.restic import BackupSummary

logger = logging.getLogger(__name__)

RUN_LEASE: Final = timedelta(minutes=5)
RENEW_SECONDS: Final = 15.0
REMOVALS_POLL_SECONDS: Final = 0.2
# What is being worked on is made again after a restore: folders of attempts, below the temp root.
TEMP_EXCLUDES: Final = ("job-*", "picture-*", "samples-*")
# Each backup checks one part of so many of the stored data, and all of it once a month.
CHECK_PARTS: Final = 30
CHECK_ALL_EVERY: Final = timedelta(days=30)


def repository(*, heartbeat: Callable[[], None] = lambda: None) -> Restic:
    """The repository of the settings. Raises BackupError with what to do."""
    return Restic(
        repository=settings.BACKUP_REPOSITORY,
        password_file=Path(settings.BACKUP_PASSWORD_FILE),
        cache=_data() / "cache",
        tick=heartbeat,
    )


def staging_folder() -> Path:
    """Where the copy of the database lies while it is backed up. Always the same, so that restic
    finds what it stored before."""
    return _data() / "staging"


def site_tag() -> str:
    """What marks the backups of this site among others in the same repository."""
    return f"clipset-{roots.site_id()}"


def backup_is_running() -> bool:
    """Whether a backup is being taken: nothing may be removed. One query.

    A lease that ends later than any can was written by a clock that was ahead, and holds nothing.
    That of another host may be a little ahead of this one's.
    """
    now = timezone.now()
    latest = now + RUN_LEASE + LEASE_SLACK
    return BackupRun.objects.filter(
        state=BackupState.RUNNING, lease_until__gt=now, lease_until__lte=latest
    ).exists()


def run_backup(*, on_progress: Callable[[BackupProgress], None] | None = None) -> BackupRun:
    """Takes one backup, checks a part of the repository, removes old backups.

    Raises BackupError with a sentence; the failed run stands in `backup_runs`.
    """
    _check_places()
    with _only_one():
        run = _begin_run()
        try:
            restic = repository(heartbeat=partial(_renew, run))
            _prepare_repository(restic)
            _wait_for_removals(run)
            summary = _store(restic, run, on_progress)
            _check_and_forget(restic, run)
        except BaseException as error:
            _end_run(run, BackupState.FAILED, error=_sentence(error))
            raise
    _end_run(
        run,
        BackupState.DONE,
        snapshot_id=summary.snapshot_id,
        bytes_total=summary.bytes_total,
        bytes_added=summary.bytes_added,
        files_total=summary.files_total,
    )
    return run


def back_up_when_due() -> bool:
    """Takes the nightly backup, once a day from BACKUP_HOUR on. Returns whether it was taken.

    Raises BackupError. Of a night in which it failed it is tried again every hour.
    """
    if not settings.BACKUP_REPOSITORY:
        return False
    now = timezone.localtime(timezone=ZoneInfo(settings.QUOTA_RESET_TIMEZONE))
    due = now.replace(hour=settings.BACKUP_HOUR, minute=0, second=0, microsecond=0)
    if now < due:
        due -= timedelta(days=1)
    if BackupRun.objects.filter(state=BackupState.DONE, started_at__gte=due).exists():
        return False
    run_backup()
    return True


def _data() -> Path:
    return Path(settings.BASE_DIR) / "data" / "backup"


def _sentence(error: BaseException) -> str:
    if isinstance(error, BackupError):
        return error.sentence
    if isinstance(error, OSError):
        return f"The backup failed: {error.strerror or error}."
    return (
        "The backup was stopped." if isinstance(error, KeyboardInterrupt) else "The backup failed."
    )


def _check_places() -> None:
    """Raises BackupError: restic skips a missing folder without an error, and a repository inside
    a root would back up itself."""
    away = roots.unavailable_roots()
    if away:
        name, reason = next(iter(away.items()))
        raise BackupError(
            f"The storage root '{name}' is not available: {reason} Nothing was backed up."
        )
    store = Path(settings.BACKUP_REPOSITORY)
    if not store.is_absolute():
        return
    for name in roots.root_names():
        folder = Path(os.path.realpath(roots.root_path(name)))
        if Path(os.path.realpath(store)).is_relative_to(folder):
            raise BackupError(
                f"BACKUP_REPOSITORY lies inside the storage root '{name}'. Choose a folder outside "
                "of the site, best on another disk."
            )


# -- the run's row --------------------------------------------------------------------------------


@contextmanager
def _only_one() -> Iterator[None]:
    """Holds the lock of this host's backups, which the kernel releases when a process is killed.

    Raises BackupError when another process holds it.
    """
    _data().mkdir(parents=True, exist_ok=True)
    with (_data() / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError("A backup is being taken already. Wait for it to end.") from error
        yield


def _begin_run() -> BackupRun:
    """Ends what a killed process left RUNNING: under the lock there is no other."""
    now = timezone.now()
    BackupRun.objects.filter(state=BackupState.RUNNING).update(
        state=BackupState.FAILED, error="The backup was killed.", finished_at=now
    )
    return BackupRun.objects.create(
        repository=settings.BACKUP_REPOSITORY, lease_until=now + RUN_LEASE
    )


_renewed: dict[int, float] = {}  # monotonic seconds, by the run's id


def _renew(
    run: BackupRun, progress: BackupProgress | None = None, *, at_once: bool = False
) -> None:
    """Extends the lease now and then. A busy database is no reason to stop: the lease is long.

    Raises BackupError when the lease was lost: files may have been removed since.
    """
    tick()
    if is_stopping():
        raise BackupError("The backup was stopped with the workers. The next one goes on from it.")
    now = time.monotonic()
    if not at_once and now - _renewed.get(run.pk, 0) < RENEW_SECONDS:
        return
    changes: dict[str, object] = {"lease_until": timezone.now() + RUN_LEASE}
    if progress is not None:
        changes |= {
            "bytes_done": progress.bytes_done,
            "bytes_total": progress.bytes_total,
            "seconds_left": progress.seconds_left,
        }
    rows = BackupRun.objects.filter(
        pk=run.pk, state=BackupState.RUNNING, lease_until__gt=timezone.now()
    )
    try:
        renewed = rows.update(**changes)
    except DatabaseError:
        logger.warning("the lease of the backup could not be renewed", exc_info=True)
        return
    if not renewed:
        raise BackupError("The backup was given up: for minutes it could not say that it runs.")
    _renewed[run.pk] = now


def _end_run(run: BackupRun, state: BackupState, **facts: object) -> None:
    """The backup itself is in the repository by then: a database that does not take the row is
    logged, not an error."""
    for name, value in {"state": state, "finished_at": timezone.now(), **facts}.items():
        setattr(run, name, value)
    with suppress(DatabaseError):
        run.save()


# -- its parts ------------------------------------------------------------------------------------


def _prepare_repository(restic: Restic) -> None:
    """Creates the repository before the first backup only: one that is missing later is a disk
    that is not mounted."""
    if restic.exists():
        restic.unlock_stale()
        return
    known = BackupRun.objects.filter(
        state=BackupState.DONE, repository=settings.BACKUP_REPOSITORY
    ).exists()
    if known:
        raise NoRepositoryError(
            "The backup repository that held earlier backups is gone. Check that its disk is "
            "mounted. To begin with an empty one, run restic init there first."
        )
    restic.create()


def _wait_for_removals(run: BackupRun) -> None:
    """What was begun before the run's row was there still ends; its lease is a minute at most."""
    while removals_are_at_work():
        _renew(run)
        time.sleep(REMOVALS_POLL_SECONDS)


def _store(
    restic: Restic, run: BackupRun, on_progress: Callable[[BackupProgress], None] | None
) -> BackupSummary:
    staging = staging_folder()
    # restic stores a link to a folder as a link, without what is in the folder.
    real = {name: os.path.realpath(roots.root_path(name)) for name in roots.root_names()}
    folders = {name: Path(folder) for name, folder in real.items()}
    # The links themselves, which lie in other roots, would be in a restore's way.
    links = [str(link) for name in real if (link := roots.root_path(name)).is_symlink()]

    def heed(progress: BackupProgress) -> None:
        _renew(run, progress)
        if on_progress is not None:
            on_progress(progress)

    try:
        _stage(staging, folders)
        named = named_files()
        _renew(run, at_once=True)
        summary = restic.backup(
            [staging, *folders.values()],
            tag=site_tag(),
            host="clipset",
            excludes=[*_excludes(folders[roots.TEMP]), *links],
            on_progress=heed,
        )
        check_completeness(restic, summary.snapshot_id, named=named, folders=folders)
        _renew(run, at_once=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return summary


def _stage(staging: Path, folders: dict[str, Path]) -> None:
    """Writes the copy of the database, the manifest and the settings."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True, mode=0o700)
    taken_at = timezone.now()
    database, rows = dump_database(staging)
    manifest = Manifest(
        site=str(roots.site_id()),
        taken_at=taken_at.isoformat(),
        database=database,
        roots={name: str(folder) for name, folder in folders.items()},
        rows=rows,
        migrations=applied_migrations(),
    )
    (staging / NAME).write_bytes(manifest.to_json())
    env_file = Path(settings.ENV_FILE)
    if env_file.is_file():
        shutil.copyfile(env_file, staging / "env")
    sync(staging)


def _excludes(temp: Path) -> list[str]:
    password = os.path.realpath(settings.BACKUP_PASSWORD_FILE)
    return [password, *(str(temp / pattern) for pattern in TEMP_EXCLUDES)]


def _check_and_forget(restic: Restic, run: BackupRun) -> None:
    """A failed check fails the run: its sentence is what an admin has to read."""
    done = BackupRun.objects.filter(state=BackupState.DONE)
    full = done.filter(checked_all=True, started_at__gt=timezone.now() - CHECK_ALL_EVERY)
    run.checked_all = done.exists() and not full.exists()
    part = done.count() % CHECK_PARTS + 1
    restic.check(subset=None if run.checked_all else f"{part}/{CHECK_PARTS}")
    restic.forget(tag=site_tag(), keep=settings.BACKUP_KEEP)
