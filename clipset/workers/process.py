"""No process outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

# <linux/prctl.h>; see prctl(2), PR_SET_PDEATHSIG.
_PR_SET_PDEATHSIG: Final = 1

_LINUX: Final = sys.platform.startswith("linux")

# Loaded here, since the loader's lock may be held by another thread at the time of a fork.
_libc: Final = ctypes.CDLL(None, use_errno=True) if _LINUX else None


def die_with_parent(expected_parent: int | None = None) -> None:
    """Has the kernel SIGKILL this process when its parent ends. Does nothing but on Linux.

    To be called in the child. A parent that died before the call sends no signal any more: given
    its process id, the child looks whether it still is its parent, and exits if not.

    "Parent" means the thread that forked (prctl(2)): fork from one that lives as long as the
    process. The setting outlives an exec, but a fork does not inherit it. Raises OSError.
    """
    if _libc is None:
        return
    # prctl is variadic and takes unsigned longs.
    arguments = [ctypes.c_ulong(n) for n in (signal.SIGKILL, 0, 0, 0)]
    if _libc.prctl(_PR_SET_PDEATHSIG, *arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    if expected_parent is not None and os.getppid() != expected_parent:
        # Not sys.exit: in a hook of os.register_at_fork exceptions are swallowed.
        os._exit(1)


def bind_forks_to_parent() -> None:
    """From now on every os.fork (multiprocessing's too) in this process and its children is bound.

    Call it once: hooks of os.register_at_fork cannot be taken back. `subprocess` does not run them
    (unless it has a preexec_fn); what it starts is not bound.
    """
    parent = os.getpid()

    def note_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    def bind_child() -> None:
        die_with_parent(parent)

    os.register_at_fork(before=note_parent, after_in_child=bind_child)
