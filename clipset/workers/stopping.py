"""A flag, shared with forked processes, that says that this cluster will stop soon."""

from __future__ import annotations

import mmap
from typing import Final

# One byte of memory shared with forked processes (MAP_SHARED | MAP_ANONYMOUS, mmap(2)).
_flag: Final = mmap.mmap(-1, 1)


def announce_stop() -> None:
    """Sets the flag for this process and those it forked after importing this module."""
    _flag[0] = 1


def is_stopping() -> bool:
    """Whether to release long work now, so that it is not killed soon."""
    return _flag[0] == 1


def forget_stop() -> None:
    """Clears the flag. Only for tests, whose process continues after a stop."""
    _flag[0] = 0
