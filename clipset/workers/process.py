"""Ties child processes to their parents, so that none outlives the process that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

# <linux/prctl.h>; see prctl(2), PR_SET_PDEATHSIG.
_PR_SET_PDEATHSIG: Final = 1

_LINUX: Final = sys.platform.startswith("linux")

# Loaded now, since another thread may hold the loader's lock at the time of a fork.
_libc: Final = ctypes.CDLL(None, use_errno=True) if _LINUX else None


def die_with_parent(expected_parent: int | None = None) -> None:
    """Makes the kernel send SIGKILL to this process when its parent ends. Only on Linux.

    Call it in the child. A parent that ended before the call causes no signal. Given its process
    id, the child checks whether it is still the parent, and exits if not.

    "Parent" means the thread that forked (prctl(2)), so fork from a thread that lives as long as
    the process. The setting survives an exec, but a fork does not inherit it.

    Raises: OSError.
    """
    if _libc is None:
        return
    # prctl is variadic and takes unsigned longs.
    arguments = [ctypes.c_ulong(n) for n in (signal.SIGKILL, 0, 0, 0)]
    if _libc.prctl(_PR_SET_PDEATHSIG, *arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    if expected_parent is not None and os.getppid() != expected_parent:
        # Not sys.exit: hooks of os.register_at_fork swallow exceptions.
        os._exit(1)


def bind_forks_to_parent() -> None:
    """Applies `die_with_parent` to every later os.fork of this process and its children.

    This includes multiprocessing's forks. Call it once, since hooks of os.register_at_fork cannot
    be removed. `subprocess` runs them only with a preexec_fn, so its children are not bound.
    """
    parent = os.getpid()

    def note_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    def bind_child() -> None:
        die_with_parent(parent)

    os.register_at_fork(before=note_parent, after_in_child=bind_child)
