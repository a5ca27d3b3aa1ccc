"""An event between processes whose timeouts do not depend on the wall clock."""

from __future__ import annotations

import os
import select


class KernelEvent:
    """Replaces `multiprocessing.Event`, whose `wait` ends at a time of the wall clock.

    That comes from sem_timedwait(3): if the clock is set back by a day, a wait of half a second
    lasts a day. This class waits with poll(2), which measures elapsed time.

    The event cannot be cleared. Forked processes share it.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def is_set(self) -> bool:
        return self.wait(0)

    def set(self) -> None:
        """Sets the event. Never blocks, since each process writes at most one byte to the pipe."""
        if not self.is_set():
            os.write(self._write, b"x")

    def wait(self, timeout: float | None = None) -> bool:
        """Waits at most `timeout` seconds, or without limit if None. Returns whether it is set."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def __del__(self) -> None:
        os.close(self._read)
        os.close(self._write)
