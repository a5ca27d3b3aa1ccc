"""What kind of failure of a disk an error is: no room, or a disk that cannot be used now."""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

# EFBIG: larger than the file system allows for a file.
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_AWAY_OF_A_FILE: Final = frozenset(
    {
        errno.ENOMEM,  # ext4, when its tables cannot be read
        errno.ENOTCONN,  # FUSE; without a file's name it is a client's socket that was cut
    }
)
# Read-only, broken (EUCLEAN and EBADMSG: in its tables) or gone: a local disk, one in the network
# (NFS: ESTALE).
_AWAY: Final = frozenset(
    {
        errno.EROFS,
        errno.EIO,
        errno.ENODEV,
        errno.ENXIO,
        errno.EREMOTEIO,
        errno.ESTALE,
        errno.EUCLEAN,
        errno.EBADMSG,
    }
)
# SQLite's extended codes: no page, or no room for the index of the write-ahead log.
_SQLITE_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_POSTGRESQL_FULL: Final = "53100"  # disk_full


class StorageUnavailableError(Exception):
    """The storage for files cannot be used at the moment; nothing says that a file was lost."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the file system or of the database says that there is no room left."""
    if isinstance(error, DatabaseError):
        cause = error.__cause__
        if isinstance(cause, sqlite3.Error):
            return getattr(cause, "sqlite_errorcode", None) in _SQLITE_FULL
        return getattr(cause, "sqlstate", None) == _POSTGRESQL_FULL
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def is_disk_away(error: BaseException) -> bool:
    """Whether the disk for files is read-only, broken or gone. Of a missing file only a look at
    the root's marker tells whether its disk is (siteconfig.roots.check_root_of)."""
    if isinstance(error, StorageUnavailableError):
        return True
    if not isinstance(error, OSError):
        return False
    # Of a process that cannot be started, and of a socket, Python names no file.
    return error.errno in _AWAY or (error.errno in _AWAY_OF_A_FILE and error.filename is not None)


def try_write(folder: Path, content: bytes = b"x" * 4096) -> None:
    """Writes a file into a folder, has the disk take it, and removes it. Raises: OSError."""
    path = folder / f".written-{secrets.token_hex(4)}.part"
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)
