"""The folder in which a confined program writes, and what of it the site takes over.

A program that decodes may be a member's own code by the time it writes. So whatever it leaves is
looked at before the site opens it: only files of one name each, in the folders that were there, are
kept. A link would lead the site to other files, a FIFO would block it, a folder in a file's place
or a file without permissions would stop it again and again.

For clipset.lib.sandbox.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clipset.lib.sandbox_identity import Identity

logger = logging.getLogger(__name__)

# No setuid bits, and not for all to write; the site can always read, change and remove it.
MAX_PERMISSIONS: Final = 0o775
MIN_PERMISSIONS: Final = 0o600
MAX_NAMED: Final = 20  # in the log, of what was removed


class _Place(NamedTuple):
    """A name in the folder and the file behind it."""

    name: str
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class _Loan:
    """A folder that a program has for a while.

    Attributes:
        owner: whom it is given back to; None if it did not change.
        before: all that was there.
    """

    folder: Path
    owner: int | None
    before: frozenset[_Place]


@contextmanager
def lent(folder: Path | None, who: Identity | None = None) -> Iterator[None]:
    """Context manager in which a program may write in a folder. At its end the site takes back what
    it accepts (see the module).

    Args:
        who: the program's identity, which may change here; None if it is this process's.
    """
    loan = None if folder is None else _lend(folder, who)
    try:
        yield
    finally:
        if loan is not None and loan.folder.exists():
            _take_back(loan)


def _lend(folder: Path, who: Identity | None) -> _Loan:
    """Gives a folder to the program, or the folder's id to the program where that can't be."""
    owner, before = None, frozenset(_places(folder))
    if who is not None and who.uid != os.geteuid():
        owner = folder.stat().st_uid
        try:
            os.chown(folder, who.uid, -1)
        except OSError:  # a file system without owners, or that of another host
            who.uid, owner = owner, None
    return _Loan(folder, owner, before)


def _take_back(loan: _Loan) -> None:
    """Makes the site the owner of the folder and of new files, with permissions to use them, and
    removes everything else that is new."""
    if loan.owner is not None:
        os.chown(loan.folder, loan.owner, -1)
    removed: list[str] = []
    for parent, folders, files, descriptor in os.fwalk(loan.folder):
        for name in [*folders, *files]:
            path = str(Path(parent, name))
            with suppress(FileNotFoundError):  # another program has a folder in this one
                if not _keep(name, descriptor, path, loan):
                    remove_tree(name, descriptor)
                    removed.append(path)
                    if name in folders:
                        folders.remove(name)  # from the walk
    if removed:
        logger.error(
            "a program that decodes left %s in %s that are not plain files: removed",
            ", ".join(removed[:MAX_NAMED]),
            loan.folder,
        )


def _keep(name: str, folder: int, path: str, loan: _Loan) -> bool:
    """Takes a file over if it may stay. Returns whether."""
    with _pinned(name, folder) as (place, found):
        if _Place(path, found.st_dev, found.st_ino) in loan.before:
            return True
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            return False
        if loan.owner is not None and found.st_uid not in {loan.owner, os.geteuid()}:
            os.chown(place, loan.owner, -1)
        wanted = stat.S_IMODE(found.st_mode) & MAX_PERMISSIONS | MIN_PERMISSIONS
        if stat.S_IMODE(found.st_mode) != wanted:
            place.chmod(wanted)
        return True


def clear_away(folder: Path) -> None:
    """Removes a folder in which a program may have written, as far as that is possible."""
    try:
        remove_tree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("%s could not be removed: %s", folder, error)


def remove_tree(name: str | Path, folder: int | None = None) -> None:
    """Removes a folder with all that is in it, or a file.

    However deep it is: what it holds is moved to one level, since each level of a recursion costs
    memory and a descriptor. `shutil.rmtree` ends with RecursionError at 1,000.

    Args:
        folder: the descriptor that the name is relative to.

    Raises: OSError.
    """
    if folder is None:
        path = Path(name)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            remove_tree(path.name, folder)
        finally:
            os.close(folder)
        return
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    with _opened(str(name), folder) as top:
        numbers = itertools.count()
        while names := _names(top):
            for inner, is_folder in names:
                if is_folder:
                    _remove_lifting(inner, top, numbers)
                else:
                    os.unlink(inner, dir_fd=top)
    os.rmdir(name, dir_fd=folder)


def _remove_lifting(name: str, top: int, numbers: Iterator[int]) -> None:
    """Removes a folder, and moves the folders in it up into that of `top`."""
    with _opened(name, top) as descriptor:
        for inner, is_folder in _names(descriptor):
            if not is_folder:
                os.unlink(inner, dir_fd=descriptor)
                continue
            with _pinned(inner, descriptor) as (place, _):
                place.chmod(0o700)  # else it can't be moved
            lifted = f".lifted-{next(numbers)}-{secrets.token_hex(8)}"
            os.rename(inner, lifted, src_dir_fd=descriptor, dst_dir_fd=top)
    os.rmdir(name, dir_fd=top)


def _names(descriptor: int) -> list[tuple[str, bool]]:
    """Returns what is in a folder, and whether it is a folder."""
    with os.scandir(descriptor) as entries:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """Context manager that opens a folder, also one that nobody may enter."""
    with _pinned(name, folder) as (place, _):
        place.chmod(0o700)
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _pinned(name: str, folder: int) -> Iterator[tuple[Path, os.stat_result]]:
    """Context manager that gives a path to what has the name now, whatever has it later, and what
    it is. Opens nothing, so a FIFO does not block."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield Path(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _places(folder: Path) -> Iterator[_Place]:
    for parent, folders, files, descriptor in os.fwalk(folder):
        for name in [*folders, *files]:
            with suppress(FileNotFoundError):
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                yield _Place(str(Path(parent, name)), found.st_dev, found.st_ino)
