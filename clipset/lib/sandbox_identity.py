"""The user id and the groups of a confined program.

For clipset.lib.sandbox.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

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
