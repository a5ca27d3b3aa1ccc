"""A limit on concurrent work in all processes of a server, and one slot per member."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from clipset.lib.slots import NoSlotError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

LOOK_EVERY_SECONDS: Final = 0.05


class SharedSlots:
    """Slots shared by all processes that are forked after this object was created.

    Each slot and each member is a locked byte of a file in memory. Such a lock belongs to an open
    file, not to a process as with `lockf` (fcntl(2), "open file description locks"). So it also
    excludes other threads, and the kernel releases the locks of a killed process.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._file = os.memfd_create("slots")

    @contextmanager
    def held(self, member: UUID, *, wait_seconds: float) -> Iterator[None]:
        """Context manager that holds one slot for a member.

        Raises: NoSlotError at once if the member holds or waits for a slot already, and after
        `wait_seconds` if all slots are taken.
        """
        file = os.open(f"/proc/self/fd/{self._file}", os.O_RDWR)
        try:
            if not _is_locked(file, self.most + member.int % 2**60):
                raise NoSlotError(is_own=True)
            deadline = time.monotonic() + wait_seconds
            while not any(_is_locked(file, slot) for slot in range(self.most)):
                if time.monotonic() >= deadline:
                    raise NoSlotError(is_own=False)
                time.sleep(LOOK_EVERY_SECONDS)
            yield
        finally:
            os.close(file)  # this releases its locks


def _is_locked(file: int, byte: int) -> bool:
    """Tries to lock one byte of the file. Returns whether it did."""
    # struct flock of <fcntl.h>: l_type, l_whence, l_start, l_len, l_pid.
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)
    except BlockingIOError:
        return False
    return True
