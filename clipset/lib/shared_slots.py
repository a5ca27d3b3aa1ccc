"""At most so many at once in all processes of a server, and one for each member."""

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
    """Slots that are shared by all processes that were forked after this was made.

    Each is a byte of a file in memory on which there is a lock, one for each slot and one for each
    member. Such a lock belongs to an opened file, not to a process as `lockf`'s does (fcntl(2),
    "open file description locks"): threads keep each other out as well, and the kernel gives back
    those of a process that was killed.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._file = os.memfd_create("slots")

    @contextmanager
    def held(self, member: UUID, *, wait_seconds: float) -> Iterator[None]:
        """Holds one of the slots for a member while this lasts.

        Raises: NoSlotError at once where the member has one already, and after `wait_seconds` where
        all are taken. Only one request of a member waits.
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
            os.close(file)  # which ends its locks


def _is_locked(file: int, byte: int) -> bool:
    """Tries to lock one byte. Whether that was had."""
    # struct flock of <fcntl.h>: l_type, l_whence, l_start, l_len, l_pid.
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)
    except BlockingIOError:
        return False
    return True
