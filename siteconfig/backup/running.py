"""Takes a backup while the site runs: the database first, then the files, which never change.

No file may be removed or finalised in between. A row of `backup_runs` therefore has a lease, and
removals and finalising wait while it is RUNNING (`backup_is_running`). A file that is published in
between is in the backup without its row. The restored site adopts it.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from clipset.lib.durable import sync
from siteconfig import roots
from siteconfig.backup.completeness import check_completeness, named_files
from siteconfig.backup.database import dump_database
from siteconfig.backup.errors import BackupError, IncompleteBackupError, NoRepositoryError
from siteconfig.backup.expected import removals_are_running
from siteconfig.backup.manifest import NAME, Manifest, applied_migrations
from siteconfig.backup.restic import Restic
from siteconfig.backup.restic_output import BackupProgress
from siteconfig.backup.runs import RunKeeper, begin_run, data_folder, end_run, only_one
from siteconfig.backup.unfinished import refuse_while_unfinished
from siteconfig.models import BackupRun, BackupState, BackupStep

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

REMOVALS_POLL_SECONDS: Final = 0.2
# Work in progress in the root `temp`, which is not backed up: the restored site repeats the work.
TEMP_EXCLUDES: Final = ("job-*", "original-*", "picture-*", "samples-*")
# Each backup checks one of so many parts of the stored data. Once a month one checks all of it.
CHECK_PARTS: Final = 30
CHECK_ALL_EVERY: Final = timedelta(days=30)
VIDEOS_TABLE: Final = "videos"
MAX_LISTED: Final = 200  # backups in the list that a row stores


def repository(*, heartbeat: Callable[[], None] = lambda: None) -> Restic:
    """Returns the repository of the settings. Raises: BackupError if backups are not set up."""
    return Restic(
        repository=settings.BACKUP_REPOSITORY,
        password_file=Path(settings.BACKUP_PASSWORD_FILE),
        cache=data_folder() / "cache",
        tick=heartbeat,
    )


def staging_folder() -> Path:
    """Returns the folder for the copy of the database while it is backed up.

    It is always the same, so that restic recognizes unchanged data.
    """
    return data_folder() / "staging"


def site_tag() -> str:
    """Returns restic's tag for the backups of this site, which may share its repository."""
    return f"clipset-{roots.site_id()}"


def run_backup(
    *,
    on_progress: Callable[[BackupProgress], None] = lambda _: None,
    on_step: Callable[[BackupStep], None] = lambda _: None,
) -> BackupRun:
    """Takes a backup, checks a part of the repository and removes old backups.

    Raises: BackupError. The failed run has a row in `backup_runs`, unless another backup is running
    or backups are not set up.
    """
    if not settings.BACKUP_REPOSITORY:
        repository()  # raises BackupError
    # Checked before the first query: an unfinished restore may not have loaded the database yet.
    refuse_while_unfinished()
    with only_one():
        run = begin_run()
        keeper = RunKeeper(run, on_step=on_step)

        def report(progress: BackupProgress) -> None:
            keeper.note(progress)
            on_progress(progress)

        try:
            _take(run, keeper, report)
        except BaseException as error:
            end_run(run, BackupState.FAILED, error=_sentence(error))
            raise
        end_run(run, BackupState.DONE)
    return run


def back_up_when_due() -> bool:
    """Takes the nightly backup if it is due, or one that an admin requested.

    The nightly backup is due once a day from BACKUP_HOUR on. If it fails, the hourly task tries it
    again. Returns whether a backup was taken.

    Raises: BackupError.
    """
    if not settings.BACKUP_REPOSITORY:
        return False
    if nightly_is_taken() and not BackupRun.objects.filter(state=BackupState.WAITING).exists():
        return False
    run_backup()
    return True


def last_due() -> datetime:
    """Returns the latest moment at which a nightly backup became due."""
    now = timezone.localtime(timezone=ZoneInfo(settings.QUOTA_RESET_TIMEZONE))
    due = now.replace(hour=settings.BACKUP_HOUR, minute=0, second=0, microsecond=0)
    return due if due <= now else due - timedelta(days=1)


def nightly_is_taken() -> bool:
    """Returns whether a backup has been taken since the nightly one became due."""
    return BackupRun.objects.filter(state=BackupState.DONE, started_at__gte=last_due()).exists()


def _sentence(error: BaseException) -> str:
    if isinstance(error, BackupError):
        return error.sentence
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"There is not enough space for the copy of the database in {data_folder()}. Free some "
            "space there, then back up again."
        )
    if isinstance(error, KeyboardInterrupt):
        return "The backup was stopped by hand. The next one continues from what it had stored."
    why = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
    return f"The backup failed ({why}). See the logs in data/log, then back up again."


def _check_places() -> None:
    """Checks that all roots are available and that the repository is outside of them.

    restic skips a missing folder without an error, and a repository in a root would back up itself.

    Raises: BackupError.
    """
    unavailable = roots.unavailable_roots()
    if unavailable:
        name, reason = next(iter(unavailable.items()))
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
                f"BACKUP_REPOSITORY is inside the storage root '{name}'. Choose a folder outside "
                "the site, preferably on another disk."
            )


# -- steps of a backup ----------------------------------------------------------------------------


def _take(run: BackupRun, keeper: RunKeeper, report: Callable[[BackupProgress], None]) -> None:
    """Carries out the steps of a backup and writes the result to the fields of `run`."""
    keeper.begin_step(BackupStep.PREPARE)
    _check_places()
    restic = repository(heartbeat=keeper.renew)
    _prepare_repository(restic)
    _wait_for_removals(keeper)
    _store(restic, run, keeper, report)
    _check_and_forget(restic, run, keeper)
    try:
        found = restic.snapshots(tag=site_tag())[-MAX_LISTED:]
    except BackupError:  # the backup itself has succeeded
        logger.warning("the backups in the repository could not be listed", exc_info=True)
        return
    run.stored = [{"id": each.id, "time": each.time.isoformat()} for each in reversed(found)]


def _prepare_repository(restic: Restic) -> None:
    """Creates the repository, but only before the first backup.

    If it is missing later, its disk is probably not mounted.

    Raises: BackupError.
    """
    if restic.exists():
        restic.unlock_stale()
        return
    known = BackupRun.objects.filter(
        state=BackupState.DONE, repository=settings.BACKUP_REPOSITORY
    ).exists()
    if known:
        raise NoRepositoryError(
            "The repository with the earlier backups no longer exists. Check that its disk is "
            "mounted. To start with an empty one, run restic init there first."
        )
    restic.create()


def _wait_for_removals(keeper: RunKeeper) -> None:
    """Waits for removals that began before the run's row existed, which takes at most a minute."""
    while removals_are_running():
        keeper.renew()
        time.sleep(REMOVALS_POLL_SECONDS)


def _store(
    restic: Restic, run: BackupRun, keeper: RunKeeper, report: Callable[[BackupProgress], None]
) -> None:
    staging = staging_folder()
    # Links are resolved: restic stores a link to a folder as a link, without the folder's content.
    real = {name: os.path.realpath(roots.root_path(name)) for name in roots.root_names()}
    folders = {name: Path(folder) for name, folder in real.items()}
    # The links themselves may be in other roots. In a restore they would be in the way.
    links = [str(link) for name in real if (link := roots.root_path(name)).is_symlink()]
    try:
        keeper.begin_step(BackupStep.DATABASE)
        run.videos_total = _stage(staging, folders).get(VIDEOS_TABLE)
        named = named_files()
        keeper.begin_step(BackupStep.FILES)
        store = partial(
            restic.backup,
            [staging, *folders.values()],
            tag=site_tag(),
            host="clipset",
            excludes=[*_excludes(folders[roots.TEMP]), *links],
            on_progress=report,
        )
        try:
            summary = store()
        except IncompleteBackupError:
            # Probably a member canceled an upload while restic read its folder. Removals wait, so
            # no file that a row of the copied database names has disappeared.
            logger.warning("Some files could not be read. The backup tries once more.")
            summary = store()
        check_completeness(restic, summary.snapshot_id, named=named, folders=folders)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    run.snapshot_id, run.files_total = summary.snapshot_id, summary.files_total
    run.bytes_done = run.bytes_total = summary.bytes_total
    run.bytes_added = summary.bytes_added


def _stage(staging: Path, folders: dict[str, Path]) -> dict[str, int]:
    """Writes the copy of the database, the manifest and .env to the staging folder.

    Returns the number of rows in the copy, by table.
    """
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
    return rows


def _excludes(temp: Path) -> list[str]:
    password = os.path.realpath(settings.BACKUP_PASSWORD_FILE)
    return [password, *(str(temp / pattern) for pattern in TEMP_EXCLUDES)]


def _check_and_forget(restic: Restic, run: BackupRun, keeper: RunKeeper) -> None:
    """Checks the repository and removes old backups.

    A failed check makes the whole run fail, so that admins see its sentence.
    """
    keeper.begin_step(BackupStep.CHECK)
    done = BackupRun.objects.filter(state=BackupState.DONE)
    full = done.filter(checked_all=True, started_at__gt=timezone.now() - CHECK_ALL_EVERY)
    run.checked_all = done.exists() and not full.exists()
    part = done.count() % CHECK_PARTS + 1
    restic.check(subset=None if run.checked_all else f"{part}/{CHECK_PARTS}")
    keeper.begin_step(BackupStep.TIDY)
    restic.forget(tag=site_tag(), keep=settings.BACKUP_KEEP)
