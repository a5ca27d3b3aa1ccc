"""Classification of disk errors: the disk is full, or it is unavailable."""

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
# These count only for errors that name a file.
_AWAY_OF_A_FILE: Final = frozenset(
    {
        errno.ENOMEM,  # ext4, if its tables cannot be read
        errno.ENOTCONN,  # FUSE; without the name of a file it is a client's lost connection
    }
)
# The disk is read-only, damaged (EUCLEAN and EBADMSG: in its tables) or gone, be it a local disk or
# one in the network (NFS: ESTALE).
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
    """The storage for files is unavailable at the moment. No file is known to be lost."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the file system or the database means that the disk is full."""
    if isinstance(error, DatabaseError):
        cause = error.__cause__
        if isinstance(cause, sqlite3.Error):
            return getattr(cause, "sqlite_errorcode", None) in _SQLITE_FULL
        return getattr(cause, "sqlstate", None) == _POSTGRESQL_FULL
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def is_disk_away(error: BaseException) -> bool:
    """Whether an error means that the disk for files is read-only, damaged or gone.

    An error about a missing file does not count: only the marker of its root shows whether the disk
    is there (siteconfig.roots.check_root_of).
    """
    if isinstance(error, StorageUnavailableError):
        return True
    if not isinstance(error, OSError):
        return False
    # Errors of sockets, and of starting a process, name no file.
    return error.errno in _AWAY or (error.errno in _AWAY_OF_A_FILE and error.filename is not None)


def try_write(folder: Path, content: bytes = b"x" * 4096) -> None:
    """Writes a file into a folder, syncs it to the disk, and removes it. Raises: OSError."""
    path = folder / f".written-{secrets.token_hex(4)}.part"
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)
