"""A lock between processes that the kernel releases if its holder is killed."""

from __future__ import annotations

import fcntl
import os
import tempfile


class KernelLock:
    """Replaces `multiprocessing.Lock`, whose semaphore stays locked if its holder is killed.

    The kernel releases a record lock when its process ends (fcntl(2)). Forked processes share it.
    It does not exclude threads of the same process from each other.
    """

    def __init__(self) -> None:
        # In memory if possible, since the disk may be full.
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create("lock")
        else:
            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())

    def acquire(self, block: bool = True) -> bool:
        """Takes the lock. Returns whether it did, which is always so with `block`."""
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
