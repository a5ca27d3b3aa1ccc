"""Opening files that another process may still write, which may not be what the name says."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_plain(path: str | Path, flags: int = os.O_RDONLY) -> int:
    """Opens a file and returns its descriptor; an opener for `open`.

    A link is not followed, and a FIFO that nobody writes to does not block.

    Raises: OSError; FileNotFoundError if it is no plain file.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link, a socket
            raise FileNotFoundError(errno.ENOENT, "not a plain file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "not a plain file", str(path))
    return descriptor
