"""A stop that is coming, told to the processes that were forked."""

from __future__ import annotations

import mmap
from typing import Final

# One byte in memory that forks share (MAP_SHARED | MAP_ANONYMOUS, mmap(2)).
_flag: Final = mmap.mmap(-1, 1)


def announce_stop() -> None:
    """Tells this process and all that it forked after importing this module."""
    _flag[0] = 1


def is_stopping() -> bool:
    """Whether long work should be given back now rather than be killed soon."""
    return _flag[0] == 1


def forget_stop() -> None:
    """For a process that goes on after all: a test."""
    _flag[0] = 0
