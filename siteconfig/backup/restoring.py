"""Puts a backup into an empty site: files, database, then a comparison of every row and file."""

from __future__ import annotations

import hashlib
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
from siteconfig.backup.database import (
    check_dump,
    copy_aside,
    count_rows,
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from siteconfig.backup.expected import ExpectedFile
    from siteconfig.backup.restic import Restic, StoredSnapshot

STAGING_END: Final = "/data/backup/staging"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """`rows` and `files` are how many were compared; `hashed` of the files had a known SHA-256.

    `problems` are sentences, empty when all is as it was. `aside` is where the site that stood
    here before was moved to.
    """

    rows: int
    files: int
    hashed: int
    problems: list[str]
    aside: Path | None


def find_snapshot(restic: Restic, wanted: str) -> StoredSnapshot:
    """The backup with this id or the beginning of it; the newest for "latest".

    Backups of all sites in the repository count: an empty site has no id yet.
    Raises BackupError when there is none, or more than one.
    """
    found = [each for each in restic.snapshots() if staging_of(each)]
    if wanted == "latest":
        if len({each.tags for each in found}) > 1:
            raise BackupError(
                "This repository holds backups of several sites. Name the backup to restore; "
                "manage.py backups lists them."
            )
        found = found[-1:]
    else:
        found = [each for each in found if each.id.startswith(wanted)]
    if len(found) != 1:
        raise BackupError(f"There is no backup '{wanted}' in this repository.")
    return found[0]


def manifest_of(restic: Restic, snapshot: StoredSnapshot) -> Manifest:
    """Raises BackupError, also for a backup that a newer Clipset made."""
    manifest = read_manifest(restic.read_file(snapshot.id, f"{staging_of(snapshot)}/{NAME}"))
    unknown = unknown_migrations(manifest)
    if unknown:
        raise BackupError(
            f"This backup was made by a newer Clipset (it has {unknown[-1]}). Update Clipset, then "
            "restore again."
        )
    return manifest


def settings_of(restic: Restic, snapshot: StoredSnapshot) -> str:
    """The .env of the site that was backed up. Raises BackupError, and that as NotInBackupError
    when it had none: it took its settings from the environment."""
    return restic.read_file(snapshot.id, f"{staging_of(snapshot)}/env").decode()


def restore_site(
    restic: Restic,
    snapshot: StoredSnapshot,
    *,
    replace: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> RestoreResult:
    """Restores the whole site into this one, which must be stopped and empty.

    `replace` moves what is there to data/replaced-<time>/ first; nothing is deleted.
    `on_progress` gets the bytes that are written and the bytes in all.
    Goes on with a restore of this backup that was cut off.
    Raises BackupError: nothing was changed then, or the sentence says how to go on.
    """
    with stopped_site():
        unfinished = read_unfinished()
        if unfinished is None:
            unfinished = _fetch(restic, snapshot, replace=replace, on_progress=on_progress)
        elif unfinished.snapshot != snapshot.id:
            raise BackupError(
                f"The restore of backup {unfinished.snapshot[:8]} into this folder was not "
                f"finished. Finish it first: scripts/restore {unfinished.snapshot[:8]}"
            )
        return _swap(unfinished)


def finish_restore() -> RestoreResult:
    """Goes on with a restore that was cut off, from what it has fetched. Raises BackupError."""
    with stopped_site():
        unfinished = read_unfinished()
        if unfinished is None:
            raise BackupError("No restore is unfinished in this folder.")
        return _swap(unfinished)


def _fetch(
    restic: Restic,
    snapshot: StoredSnapshot,
    *,
    replace: bool,
    on_progress: Callable[[int, int], None] | None,
) -> UnfinishedRestore:
    """All that can fail for want of space, network or right: the site stays as it is meanwhile.

    Raises BackupError and OSError; nothing is left behind then.
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
    """Replaces the old site with the backup's. May be interrupted anywhere and run again.

    Raises BackupError.
    """
    works, aside = unfinished.work_folders, Path(unfinished.aside) if unfinished.aside else None
    gone = [work for work in works.values() if not work.is_dir()]
    if gone or not unfinished.staged.is_dir():
        raise BackupError(
            f"What the restore had fetched is no longer in {[*gone, unfinished.staged][0]}. Mount "
            "the disk that it lies on, then run scripts/restore again. If it is lost, delete "
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
        result = _bring_to_life(manifest, unfinished.snapshot, aside)
        os.sync()
    except (BackupError, OSError) as error:
        kept = f" What was here before is in {aside}." if aside else ""
        raise BackupError(
            f"The restore was not finished: {error} Nothing is lost.{kept} Mend the cause and run "
            "scripts/restore again: it goes on where it stopped."
        ) from error
    forget_unfinished()
    _remove(works.values())
    return result


def _bring_to_life(manifest: Manifest, snapshot_id: str, aside: Path | None) -> RestoreResult:
    """What the loaded database needs before the site starts, and the comparison."""
    problems = _compare_rows(manifest)
    call_command("migrate", interactive=False, verbosity=0)
    roots.forget()
    # The queue only wakes: the job table says what is to be done, and old mails stay unsent.
    empty_queue()
    # In its own copy of the database the backup still runs, which would hold removals back.
    BackupRun.objects.filter(state=BackupState.RUNNING).update(
        state=BackupState.DONE, snapshot_id=snapshot_id, finished_at=timezone.now()
    )
    files, hashed, differences = compare_files(expected_files())
    return RestoreResult(
        rows=sum(manifest.rows.values()),
        files=files,
        hashed=hashed,
        problems=problems + differences,
        aside=aside,
    )


def compare_files(files: Iterable[ExpectedFile]) -> tuple[int, int, list[str]]:
    """Compares stored files with what the rows say. Returns how many there are, how many of them
    were compared by SHA-256, and a sentence for each that differs."""
    count = hashed = 0
    problems: list[str] = []
    for file in files:
        count += 1
        path = roots.root_path(file.root) / file.key
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            problems.append(f"{file.root}/{file.key} is missing.")
            continue
        expected = file.min_bytes if file.size_bytes is None else file.size_bytes
        if size < expected or (size > expected and file.size_bytes is not None):
            problems.append(f"{file.root}/{file.key} has {size} bytes instead of {expected}.")
        elif file.sha256 is not None:
            hashed += 1
            if sha256_of(path) != file.sha256:
                problems.append(f"{file.root}/{file.key} differs from what was stored (SHA-256).")
    return count, hashed, problems


def sha256_of(path: Path) -> str:
    """Hexadecimal. Reads the whole file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def staging_of(snapshot: StoredSnapshot) -> str:
    """The folder of the database's copy on the host that was backed up; "" for a snapshot that is
    none of ours, such as one whose path restic would take for an option."""
    ours = (path for path in snapshot.paths if path.startswith("/") and path.endswith(STAGING_END))
    return next((path for path in ours if ".." not in path.split("/")), "")


def targets_of(manifest: Manifest) -> dict[str, Path]:
    """Where each root of the backup lies on this host.

    Raises BackupError for a root whose place only the operator knows: its old path may belong to
    another site here.
    """
    targets = {}
    for name, old in manifest.roots.items():
        place = placed_by_host(name)
        if place is None:
            raise BackupError(
                f"This backup has a storage root '{name}', which was {old}. Say where it lies on "
                f"this host: add {name}=/path/to/folder to STORAGE_ROOTS, then restore again."
            )
        targets[name] = place
    return targets


# -- its parts ------------------------------------------------------------------------------------


def _check_place(targets: dict[str, Path], *, replace: bool) -> None:
    """Raises BackupError when the database is in use, or when something would be overwritten."""
    if not is_left_alone():
        raise BackupError(
            "Other programs are connected to the database: does the site run on another host or in "
            "another folder? Stop them, then restore again."
        )
    if replace:
        return
    hint = "Restore into an empty site, or use --replace, which moves what is there aside."
    if not is_empty_database():
        raise BackupError(f"The database holds members already. {hint}")
    for name, folder in targets.items():
        if holds_a_file(folder):
            raise BackupError(f"The storage root '{name}' ({folder}) holds files already. {hint}")


def _check_space(restic: Restic, snapshot: StoredSnapshot, *, one_disk: bool) -> None:
    """Raises BackupError when there is no room. With several disks restic says so itself."""
    needed, free = restic.size_of(snapshot.id), shutil.disk_usage(settings.BASE_DIR).free
    if one_disk and needed + settings.MIN_FREE_DISK_BYTES > free:
        raise BackupError(
            f"The backup needs {human_bytes(needed)}, and {human_bytes(free)} are free. Free some "
            "space, then restore again."
        )


def _compare_rows(manifest: Manifest) -> list[str]:
    """Before migrations: a sentence for each table with another number of rows."""
    now = count_rows()
    return [
        f"The table {table} has {now.get(table, 0)} rows; the backup had {expected}."
        for table, expected in sorted(manifest.rows.items())
        if now.get(table, 0) != expected
    ]


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
