"""Restores a backup into an empty site: files and database, then a comparison with the backup."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from clipset.lib.units import human_bytes
from clipset.workers.task_queue import empty_queue
from siteconfig import roots
from siteconfig.backup.comparing import compare_files, compare_rows
from siteconfig.backup.database import (
    check_dump,
    copy_aside,
    is_empty_database,
    is_left_alone,
    load_database,
    move_database_aside,
)
from siteconfig.backup.errors import BackupError
from siteconfig.backup.expected import expected_files
from siteconfig.backup.manifest import NAME, Manifest, read_manifest, unknown_migrations
from siteconfig.backup.placing import (
    check_fetched,
    fetch_files,
    holds_a_file,
    move_aside,
    place_files,
    work_folders,
)
from siteconfig.backup.unfinished import (
    UnfinishedRestore,
    all_is_aside,
    forget_unfinished,
    read_unfinished,
    stopped_site,
    write_unfinished,
)
from siteconfig.models import BackupRun, BackupState
from siteconfig.places import placed_by_host
from siteconfig.services.audit import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot

STAGING_END: Final = "/data/backup/staging"
INTERRUPTED: Final = (
    "The restore was not finished: %(error)s Nothing is lost. Solve the problem and run "
    "scripts/restore again: it continues where it stopped."
)
INTERRUPTED_REPLACING: Final = (
    "The restore was not finished: %(error)s Nothing is lost. The previous site is in %(aside)s. "
    "Solve the problem and run scripts/restore again: it continues where it stopped."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """The result of a restore.

    `rows` and `files` are the numbers that were compared; `hashed` is the number of files whose
    SHA-256 was known. `problems` has a sentence for each difference. `aside` is the folder to which
    the previous site was moved, if there was one.
    """

    rows: int
    files: int
    hashed: int
    problems: list[str]
    aside: Path | None


def find_snapshot(restic: Restic, wanted: str) -> StoredSnapshot:
    """Returns the backup whose id begins with a text, or the newest for "latest".

    Backups of all sites in the repository are searched, since an empty site has no id yet.

    Raises: BackupError if there is none, or more than one.
    """
    found = [each for each in restic.snapshots() if staging_of(each)]
    if wanted == "latest":
        if len({each.tags for each in found}) > 1:
            raise BackupError(
                "This repository has backups of several sites. Name the backup to restore; "
                "manage.py backups lists them."
            )
        found = found[-1:]
    else:
        found = [each for each in found if each.id.startswith(wanted)]
    if len(found) != 1:
        raise BackupError(
            f"There is no backup '{wanted}' in this repository. manage.py backups lists them."
        )
    return found[0]


def manifest_of(restic: Restic, snapshot: StoredSnapshot) -> Manifest:
    """Reads the manifest of a backup. Raises: BackupError, also if a newer Clipset made it."""
    manifest = read_manifest(restic.read_file(snapshot.id, f"{staging_of(snapshot)}/{NAME}"))
    unknown = unknown_migrations(manifest)
    if unknown:
        raise BackupError(
            f"This backup was made by a newer version of Clipset (it has {unknown[-1]}). Update "
            "Clipset, then restore again."
        )
    return manifest


def settings_of(restic: Restic, snapshot: StoredSnapshot) -> str:
    """Returns the .env of the site that was backed up.

    Raises:
        NotInBackupError: if the site had none, because its settings were in the environment.
        BackupError: if it can't be read.
    """
    return restic.read_file(snapshot.id, f"{staging_of(snapshot)}/env").decode()


def restore_site(
    restic: Restic,
    snapshot: StoredSnapshot,
    *,
    replace: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> RestoreResult:
    """Restores a whole site into this one, which must be stopped and empty.

    Continues a restore of the same backup that was interrupted.

    Args:
        replace: move the present site to data/replaced-<time>/ first. Nothing is deleted.
        on_progress: called with the bytes written and the total bytes.

    Raises: BackupError. Either nothing has been changed, or the sentence says how to continue.
    """
    with stopped_site():
        unfinished = read_unfinished()
        if unfinished is None:
            unfinished = _fetch(restic, snapshot, replace=replace, on_progress=on_progress)
        elif unfinished.snapshot != snapshot.id:
            raise BackupError(
                f"The restore of backup {unfinished.snapshot[:8]} into this folder is unfinished. "
                f"Finish it first: scripts/restore {unfinished.snapshot[:8]}"
            )
        return _swap(unfinished)


def finish_restore() -> RestoreResult:
    """Continues an interrupted restore with the files it has fetched. Raises: BackupError."""
    with stopped_site():
        unfinished = read_unfinished()
        if unfinished is None:
            raise BackupError("There is no unfinished restore in this folder.")
        return _swap(unfinished)


def _fetch(
    restic: Restic,
    snapshot: StoredSnapshot,
    *,
    replace: bool,
    on_progress: Callable[[int, int], None] | None,
) -> UnfinishedRestore:
    """Fetches and checks a backup, without changing the site. All likely failures happen here.

    Raises: BackupError, OSError. What has been fetched is removed then.
    """
    manifest = manifest_of(restic, snapshot)
    targets = targets_of(manifest)
    base = Path(settings.BASE_DIR)
    _check_place(targets, replace=replace)
    works = work_folders(targets, base)
    _remove(works.values())
    _check_space(restic, snapshot, one_disk=len(set(works.values())) == 1)
    aside = base / "data" / f"replaced-{timezone.now():%Y%m%d-%H%M%S}" if replace else None
    unfinished = UnfinishedRestore(
        snapshot=snapshot.id,
        staging=staging_of(snapshot),
        works={name: str(work) for name, work in works.items()},
        aside=str(aside or ""),
    )
    try:
        fetch_files(restic, snapshot, manifest=manifest, works=works, on_progress=on_progress)
        check_fetched(works, {**manifest.roots, "staging": unfinished.staging})
        check_dump(unfinished.staged / manifest.database)
        if aside is not None:
            aside.mkdir(mode=0o700)
            copy_aside(aside)
        write_unfinished(unfinished)
    except BaseException:
        with suppress(OSError):
            forget_unfinished()
        _remove([*works.values(), *([aside] if aside else [])])
        raise
    return unfinished


def _swap(unfinished: UnfinishedRestore) -> RestoreResult:
    """Replaces the old site with the backup. May be interrupted at any point and run again.

    Raises: BackupError.
    """
    works, aside = unfinished.work_folders, Path(unfinished.aside) if unfinished.aside else None
    missing = [work for work in works.values() if not work.is_dir()]
    if missing or not unfinished.staged.is_dir():
        raise BackupError(
            f"The fetched files are no longer in {[*missing, unfinished.staged][0]}. Mount its "
            "disk, then run scripts/restore again. If the files are lost, delete "
            "data/restore-unfinished.json and start over with scripts/restore --replace."
        )
    manifest = read_manifest((unfinished.staged / NAME).read_bytes())
    targets = targets_of(manifest)
    try:
        if aside is not None and not unfinished.is_aside:
            move_database_aside(aside)
            move_aside(aside, targets)
            unfinished = all_is_aside(unfinished)
        place_files(manifest, works, targets)
        load_database(unfinished.staged / manifest.database)
        result = _prepare_and_compare(manifest, unfinished.snapshot, aside)
        os.sync()
    except (BackupError, OSError) as error:
        sentence = INTERRUPTED_REPLACING if aside else INTERRUPTED
        raise BackupError(sentence % {"error": error, "aside": aside}) from error
    forget_unfinished()
    _remove(works.values())
    return result


def _prepare_and_compare(manifest: Manifest, snapshot_id: str, aside: Path | None) -> RestoreResult:
    """Prepares the loaded database for the start of the site, and compares the site."""
    problems = compare_rows(manifest)
    call_command("migrate", interactive=False, verbosity=0)
    roots.forget()
    # The table of jobs has all work, so that no task is lost; outdated e-mails are not sent.
    empty_queue()
    # In the copy of the database the backup is still running, which would delay removals.
    BackupRun.objects.filter(state=BackupState.RUNNING).update(
        state=BackupState.DONE, snapshot_id=snapshot_id, finished_at=timezone.now()
    )
    record("backup.restore", None, name=f"Backup {snapshot_id[:8]}")
    files, hashed, differences = compare_files(expected_files())
    return RestoreResult(
        rows=sum(manifest.rows.values()),
        files=files,
        hashed=hashed,
        problems=problems + differences,
        aside=aside,
    )


def staging_of(snapshot: StoredSnapshot) -> str:
    """Returns the folder of the database's copy on the host that was backed up.

    "" for a snapshot that is not a backup of Clipset. The path must be absolute: restic would treat
    one that begins with a hyphen as an option.
    """
    found = (path for path in snapshot.paths if path.startswith("/") and path.endswith(STAGING_END))
    return next((path for path in found if ".." not in path.split("/")), "")


def targets_of(manifest: Manifest) -> dict[str, Path]:
    """Returns the folder of each root of a backup on this host.

    Raises: BackupError if the settings do not name one. The old path is not used, because it may
    belong to another site on this host.
    """
    targets = {}
    for name, old in manifest.roots.items():
        folder = placed_by_host(name)
        if folder is None:
            raise BackupError(
                f"This backup has a storage root '{name}', which was {old}. Add its folder on this "
                f"host to STORAGE_ROOTS as {name}=/path/to/folder, then restore again."
            )
        targets[name] = folder
    return targets


# -- checks before a restore ----------------------------------------------------------------------


def _check_place(targets: dict[str, Path], *, replace: bool) -> None:
    """Raises: BackupError if the database is in use, or if something would be overwritten."""
    if not is_left_alone():
        raise BackupError(
            "Other programs are connected to the database. Check whether the site runs on another "
            "host or in another folder. Stop them, then restore again."
        )
    if replace:
        return
    hint = "Restore into an empty site, or use --replace, which moves the present site aside."
    if not is_empty_database():
        raise BackupError(f"The database already has members. {hint}")
    for name, folder in targets.items():
        if holds_a_file(folder):
            raise BackupError(f"The storage root '{name}' ({folder}) already has files. {hint}")


def _check_space(restic: Restic, snapshot: StoredSnapshot, *, one_disk: bool) -> None:
    """Raises: BackupError if there is not enough space. With several disks, restic itself fails."""
    needed, free = restic.size_of(snapshot.id), shutil.disk_usage(settings.BASE_DIR).free
    if one_disk and needed + settings.MIN_FREE_DISK_BYTES > free:
        raise BackupError(
            f"The backup needs {human_bytes(needed)}, but only {human_bytes(free)} are free. Free "
            "some space, then restore again."
        )


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
