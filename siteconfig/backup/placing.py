"""Files of a backup on their way to their storage roots. Nothing is overwritten or deleted."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clipset.lib.durable import sync
from siteconfig import roots
from siteconfig.backup.restic import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from siteconfig.backup.manifest import Manifest
    from siteconfig.backup.restic import Restic, StoredSnapshot

WORK_NAME: Final = ".clipset-restore"
MEASURE_SECONDS: Final = 1.0


def restore_files(
    restic: Restic,
    snapshot: StoredSnapshot,
    *,
    manifest: Manifest,
    targets: dict[str, Path],
    staging: str,
    base: Path,
    on_progress: Callable[[int, int], None] | None,
) -> Path:
    """Writes every file of a backup to its root's folder on this host.

    Each disk gets a work folder of its own, so that files are moved by name and written once.
    Returns the folder that holds the copy of the database. The caller removes `work_folders`.
    """
    works = work_folders(targets, base)
    main = works["staging"]
    elsewhere = [name for name in targets if works[name] != main]
    total = restic.size_of(snapshot.id)
    with _measured(set(works.values()), total, on_progress):
        # restic takes either includes or excludes, so the main disk gets all but the rest.
        restic.restore(
            snapshot.id, target=main, excludes=[manifest.roots[name] for name in elsewhere]
        )
        for work in set(works.values()) - {main}:
            included = [manifest.roots[name] for name in elsewhere if works[name] == work]
            restic.restore(snapshot.id, target=work, includes=included)
    # The innermost first: on either host one root may lie in another.
    for name in sorted(targets, key=lambda name: -len(Path(manifest.roots[name]).parts)):
        source = works[name] / manifest.roots[name].lstrip("/")
        targets[name].mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            move_into(source, targets[name])
    return main / staging.lstrip("/")


def work_folders(targets: dict[str, Path], base: Path) -> dict[str, Path]:
    """For each root, and for "staging", a folder on the same disk as where it goes."""
    main = base / "data" / WORK_NAME
    works = {"staging": main}
    for name, target in targets.items():
        same = _device(target) == _device(main)
        works[name] = main if same else _nearest(target).parent / WORK_NAME
    return works


def move_into(source: Path, target: Path) -> None:
    """Moves what is in one folder into another; folders that are in both are merged.

    Raises BackupError for a file that is in both. A marker gives way to the one that comes.
    """
    target.mkdir(parents=True, exist_ok=True)
    for child in sorted(source.iterdir()):
        there = target / child.name
        if child.is_dir() and not child.is_symlink() and there.is_dir():
            move_into(child, there)
        elif there.exists() and child.name != roots.MARKER:
            raise BackupError(f"{there} is there already. Nothing was overwritten.")
        else:
            # By name on one disk; copied, then removed, across disks.
            shutil.move(child, there)
    sync(target)


def holds_a_file(folder: Path) -> bool:
    """Whether anything but the marker of a root lies in the folder or below."""
    return any(set(files) - {roots.MARKER} for _, _, files in os.walk(folder))


def _nearest(path: Path) -> Path:
    """The path itself, or the innermost folder above it that is there."""
    while not path.exists():
        path = path.parent
    return path


def _device(path: Path) -> int:
    return _nearest(path).stat().st_dev


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
