"""The user id and the groups of a confined program, and the folder that it gets for its results.

For clipset.lib.sandbox.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

# Of no user of Debian, and of none that systemd or containers make up; below 65536, which is all
# that exists in many containers.
OWN_UID: Final = 65_527


class Identity:
    """The user id and the groups that a program gets; started by a user, those of that user."""

    def __init__(
        self, reads: Iterable[Path], *, programs: Iterable[Path], devices: Iterable[Path]
    ) -> None:
        self.uid, self.groups = os.geteuid(), set[int]()
        if self.uid != 0:
            return
        self.uid = OWN_UID
        wanted = [(path, stat.S_IROTH) for path in reads]
        wanted += [(path, stat.S_IROTH | stat.S_IXOTH) for path in programs]
        wanted += [(path, stat.S_IROTH | stat.S_IWOTH) for path in devices]
        for path, bits in wanted:
            self._let_in(path, bits)

    def _let_in(self, path: Path, bits: int) -> None:
        """Adds the group of a file, or takes its owner's id if only that may use it."""
        try:
            found = path.stat()
        except OSError:
            return  # the program itself will say so
        if found.st_mode & bits == bits or found.st_uid == self.uid:
            return
        if found.st_mode & bits << 3 == bits << 3:
            self.groups.add(found.st_gid)
        else:
            self.uid = found.st_uid

    def command(self) -> list[str]:
        """Returns the command that switches to it, if this process is root."""
        if os.geteuid() != 0:
            return []
        groups = ",".join(map(str, sorted(self.groups)))
        return [
            *(find_program("setpriv"), "--reuid", str(self.uid), "--regid", str(os.getegid())),
            *(("--groups", groups) if groups else ("--clear-groups",)),
            *("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"),
        ]


def find_program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed or not in PATH")
    return str(Path(path).absolute())


def lend(folder: Path | None, who: Identity) -> int | None:
    """Gives a folder to the program. Returns the owner to give it back to, if that changed."""
    if folder is None or who.uid == os.geteuid():
        return None
    owner = folder.stat().st_uid
    try:
        os.chown(folder, who.uid, -1)
    except OSError:  # a file system without owners, or that of another host
        who.uid = owner
        return None
    return owner


def take_back(folder: Path | None, owner: int | None) -> None:
    """Makes the site the owner of what was written, and removes what is neither file nor folder,
    which would lead the site's own processes elsewhere."""
    if folder is None or not folder.exists():
        return
    if owner is not None:
        os.chown(folder, owner, -1)
    for parent, folders, files, descriptor in os.fwalk(folder):
        for name in [*folders, *files]:
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                    logger.error("a program that decodes left %s in %s: removed", name, parent)
                    os.unlink(name, dir_fd=descriptor)
                elif owner is not None and found.st_uid not in {owner, os.geteuid()}:
                    os.chown(name, owner, -1, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
