"""Moves files between a backup and the storage roots. Overwrites and deletes no file."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clipset.lib.durable import sync
from siteconfig import roots
from siteconfig.backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from siteconfig.backup.manifest import Manifest
    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot

WORK_NAME: Final = ".clipset-restore"
MEASURE_SECONDS: Final = 1.0


def fetch_files(
    restic: Restic,
    snapshot: StoredSnapshot,
    *,
    manifest: Manifest,
    works: dict[str, Path],
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Writes every file of a backup into the work folders, which the caller must remove.

    Raises: BackupError.
    """
    main = works["staging"]
    on_other_disks = [name for name in manifest.roots if works[name] != main]
    total = restic.size_of(snapshot.id)
    with _measured(set(works.values()), total, on_progress):
        # restic takes either includes or excludes. The main disk gets all but the other roots.
        restic.restore(
            snapshot.id, target=main, excludes=[manifest.roots[name] for name in on_other_disks]
        )
        for work in set(works.values()) - {main}:
            included = [manifest.roots[name] for name in on_other_disks if works[name] == work]
            restic.restore(snapshot.id, target=work, includes=included)


def check_fetched(works: dict[str, Path], folders: dict[str, str]) -> None:
    """Checks that no folder of a backup is a symbolic link or inside one.

    Such a link would lead to files of this host, which would then be moved.

    Args:
        folders: absolute paths on the host that was backed up, by the name of their work folder.

    Raises: BackupError.
    """
    for name, folder in folders.items():
        relative = folder.lstrip("/")
        if (works[name] / relative).resolve() != works[name].resolve() / relative:
            raise BackupError(f"This backup has a link in place of {folder}. Use another backup.")


def place_files(manifest: Manifest, works: dict[str, Path], targets: dict[str, Path]) -> None:
    """Moves the files that `fetch_files` wrote to the roots.

    May be interrupted at any point and run again.

    Raises: BackupError.
    """
    # The innermost root first: on either host one root may be inside another.
    for name in sorted(targets, key=lambda name: -len(Path(manifest.roots[name]).parts)):
        source = works[name] / manifest.roots[name].lstrip("/")
        targets[name].mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            move_into(source, targets[name], fixed=set(targets.values()))


def move_aside(aside: Path, targets: dict[str, Path]) -> None:
    """Moves the files of the roots to a folder `aside`. May be interrupted and run again.

    Files on another disk stay on it: they are moved to a folder beside or in the root, and `aside`
    gets a link to it.

    Raises: BackupError.
    """
    # The innermost root first: one root may be inside another.
    for name, folder in sorted(targets.items(), key=lambda item: -len(item[1].parts)):
        if not folder.is_dir():
            continue
        target = aside / name
        if device_of(folder) != device_of(aside):
            target = _beside(folder) / f"{aside.name}-{name}"
            if not os.path.lexists(aside / name):
                (aside / name).symlink_to(target)
        move_into(folder, target, fixed={*targets.values(), target, folder / WORK_NAME})


def work_folders(targets: dict[str, Path], base: Path) -> dict[str, Path]:
    """Returns a folder for each root and for "staging", on the same disk as its target.

    Files are so written only once, and then moved by renaming them.
    """
    main = base / "data" / WORK_NAME
    works = {"staging": main}
    for name, target in targets.items():
        same = device_of(target) == device_of(main)
        works[name] = main if same else _beside(target) / WORK_NAME
    return works


def move_into(source: Path, target: Path, *, fixed: Iterable[Path] = ()) -> None:
    """Moves the content of one folder into another. Folders that exist in both are merged.

    May be interrupted at any point and run again. An existing marker is replaced.

    Args:
        fixed: folders in the source or the target that are not moved: other roots, mounted disks,
            links to one.

    Raises: BackupError if a file exists in both folders with different content.
    """
    fixed = set(fixed)
    target.mkdir(parents=True, exist_ok=True)
    for child in sorted(source.iterdir()):
        new_path = target / child.name
        if child in fixed or new_path in fixed:
            continue
        if child.is_dir() and not child.is_symlink():
            contains_fixed = any(it.is_relative_to(child) for it in fixed)
            if new_path.is_dir() or contains_fixed or device_of(child) != device_of(target):
                move_into(child, new_path, fixed=fixed)
                with suppress(OSError):  # it contains a fixed folder, or is a mounted disk
                    child.rmdir()
                continue
        elif os.path.lexists(new_path) and child.name != roots.MARKER:
            # An interrupted move across disks may have copied it already.
            is_link = child.is_symlink() or new_path.is_symlink()
            if is_link or not filecmp.cmp(child, new_path, False):
                raise BackupError(f"{new_path} already exists. Nothing was overwritten.")
            child.unlink()
            continue
        _move(child, new_path)
    sync(target)


def _move(source: Path, target: Path) -> None:
    """Renames a file or folder. To another disk a file is copied, first under a temporary name."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{target.name}.part")
        shutil.copy2(source, part, follow_symlinks=False)
        if not part.is_symlink():
            sync(part)
        part.rename(target)
        source.unlink()


def holds_a_file(folder: Path) -> bool:
    """Returns whether a folder contains any file except markers and what a restore has fetched."""
    for _, folders, files in os.walk(folder):
        if WORK_NAME in folders:
            folders.remove(WORK_NAME)
        if set(files) - {roots.MARKER}:
            return True
    return False


def _nearest(path: Path) -> Path:
    """Returns the path, or the innermost folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def device_of(path: Path) -> int:
    """Returns the device number of the disk on which a path is or would be."""
    return _nearest(path).stat().st_dev


def _beside(root: Path) -> Path:
    """Returns the parent of a root, or the root itself if it is the mount point of a disk.

    If the root does not exist, the innermost existing folder above it.
    """
    root = Path(os.path.realpath(root))
    near = _nearest(root)
    if near == root and near.parent.stat().st_dev != near.stat().st_dev:
        return near
    return near.parent if near == root else near


@contextmanager
def _measured(
    folders: set[Path], total: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[None]:
    """Reports the growing size of some folders during a block. restic 0.14 has no progress here."""
    if on_progress is None:
        yield
        return
    ended = threading.Event()

    def measure() -> None:
        while not ended.wait(MEASURE_SECONDS):
            on_progress(min(total, sum(map(_size, folders))), total)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    on_progress(total, total)


def _size(folder: Path) -> int:
    """Returns the bytes of the files in a folder. Files that disappear meanwhile do not count."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118 by the thousands
            except FileNotFoundError:
                continue
    return total
