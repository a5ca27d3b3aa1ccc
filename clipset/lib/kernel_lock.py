"""A lock between processes that a killed one gives back."""

from __future__ import annotations

import fcntl
import os
import tempfile


class KernelLock:
    """In the place of `multiprocessing.Lock`, whose semaphore nobody releases for a process that
    was killed while it held it: then all others wait for ever.

    The kernel releases a record lock when its process ends (fcntl(2)). It is shared by fork, and
    is one lock for all threads of a process.
    """

    def __init__(self) -> None:
        # Of no disk where there is one: a full one would be in the way.
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create("lock")
        else:
            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())

    def acquire(self, block: bool = True) -> bool:
        """Whether it was had, which it always is when `block`."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | (0 if block else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
