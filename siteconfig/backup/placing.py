"""Files of a backup on their way to their storage roots. Nothing is overwritten or deleted."""

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
    from siteconfig.backup.restic import Restic, StoredSnapshot

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
    """Writes every file of a backup into the work folders, which are the caller's to remove.

    Raises BackupError.
    """
    main = works["staging"]
    elsewhere = [name for name in manifest.roots if works[name] != main]
    total = restic.size_of(snapshot.id)
    with _measured(set(works.values()), total, on_progress):
        # restic takes either includes or excludes, so the main disk gets all but the rest.
        restic.restore(
            snapshot.id, target=main, excludes=[manifest.roots[name] for name in elsewhere]
        )
        for work in set(works.values()) - {main}:
            included = [manifest.roots[name] for name in elsewhere if works[name] == work]
            restic.restore(snapshot.id, target=work, includes=included)


def check_fetched(works: dict[str, Path], folders: dict[str, str]) -> None:
    """Raises BackupError where a backup holds a link in place of a folder, or above it: what the
    link leads to belongs to this host and would be moved.

    Args:
        folders: by the name of their work folder, as absolute paths on the host that was backed up.
    """
    for name, folder in folders.items():
        relative = folder.lstrip("/")
        if (works[name] / relative).resolve() != works[name].resolve() / relative:
            raise BackupError(f"This backup holds a link in place of {folder}. Use another backup.")


def place_files(manifest: Manifest, works: dict[str, Path], targets: dict[str, Path]) -> None:
    """Moves what `fetch_files` wrote to the roots. May be cut off anywhere and run again.

    Raises BackupError.
    """
    # The innermost first: on either host one root may lie in another.
    for name in sorted(targets, key=lambda name: -len(Path(manifest.roots[name]).parts)):
        source = works[name] / manifest.roots[name].lstrip("/")
        targets[name].mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            move_into(source, targets[name], fixed=set(targets.values()))


def move_aside(aside: Path, targets: dict[str, Path]) -> None:
    """Moves what is in the roots below `aside`; on other disks into a folder of the same name next
    to the root, or in it, to which a link in `aside` leads. May be cut off and run again.

    Raises BackupError.
    """
    # The innermost first: one root may lie in another.
    for name, folder in sorted(targets.items(), key=lambda item: -len(item[1].parts)):
        if not folder.is_dir():
            continue
        place = aside / name
        if device_of(folder) != device_of(aside):
            place = _beside(folder) / f"{aside.name}-{name}"
            if not os.path.lexists(aside / name):
                (aside / name).symlink_to(place)
        move_into(folder, place, fixed={*targets.values(), place, folder / WORK_NAME})


def work_folders(targets: dict[str, Path], base: Path) -> dict[str, Path]:
    """For each root, and for "staging", a folder on the same disk as where it goes: files are
    written once and then moved by name."""
    main = base / "data" / WORK_NAME
    works = {"staging": main}
    for name, target in targets.items():
        same = device_of(target) == device_of(main)
        works[name] = main if same else _beside(target) / WORK_NAME
    return works


def move_into(source: Path, target: Path, *, fixed: Iterable[Path] = ()) -> None:
    """Moves what is in one folder into another; folders that are in both are merged. May be cut
    off anywhere and run again.

    Folders that are `fixed`, on either side, stay where they are: other roots, mounted disks,
    links to one. Raises BackupError for a file that is in both and not the same. A marker gives
    way to the one that comes.
    """
    fixed = set(fixed)
    target.mkdir(parents=True, exist_ok=True)
    for child in sorted(source.iterdir()):
        there = target / child.name
        if child in fixed or there in fixed:
            continue
        if child.is_dir() and not child.is_symlink():
            holds_fixed = any(it.is_relative_to(child) for it in fixed)
            if there.is_dir() or holds_fixed or device_of(child) != device_of(target):
                move_into(child, there, fixed=fixed)
                with suppress(OSError):  # it holds what is fixed, or is a mounted disk
                    child.rmdir()
                continue
        elif os.path.lexists(there) and child.name != roots.MARKER:
            # Copied by a move across disks that was cut off.
            if child.is_symlink() or there.is_symlink() or not filecmp.cmp(child, there, False):
                raise BackupError(f"{there} is there already. Nothing was overwritten.")
            child.unlink()
            continue
        _move(child, there)
    sync(target)


def _move(source: Path, target: Path) -> None:
    """By name; across disks a file is copied and synced under another name first."""
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
    """Whether anything but the marker of a root lies in the folder or below. What a restore that
    was cut off has fetched does not count."""
    for _, folders, files in os.walk(folder):
        if WORK_NAME in folders:
            folders.remove(WORK_NAME)
        if set(files) - {roots.MARKER}:
            return True
    return False


def _nearest(path: Path) -> Path:
    """The path itself, or the innermost folder above it that is there."""
    while not path.exists():
        path = path.parent
    return path


def device_of(path: Path) -> int:
    """Of the disk on which the path is or would be."""
    return _nearest(path).stat().st_dev


def _beside(root: Path) -> Path:
    """The innermost folder around a root on the root's own disk: its parent, or the root itself
    where a disk is mounted there."""
    root = Path(os.path.realpath(root))
    near = _nearest(root)
    if near == root and near.parent.stat().st_dev != near.stat().st_dev:
        return near
    return near.parent if near == root else near


@contextmanager
def _measured(
    folders: set[Path], total: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[None]:
    """Tells how many bytes lie in the folders meanwhile: restic 0.14 does not when it restores."""
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
    """Bytes of the files below; of what vanishes meanwhile nothing."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118 by the thousands
            except FileNotFoundError:
                continue
    return total
