"""An event between processes whose waits end on time, whatever happens to the clock."""

from __future__ import annotations

import os
import select


class KernelEvent:
    """In the place of `multiprocessing.Event`, whose `wait` ends at a moment of the wall clock
    (sem_timedwait(3)): when that is set back by a day, a wait of half a second lasts a day.

    It is set once and for all, and shared by fork. The waits are poll(2)'s, which count seconds.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def is_set(self) -> bool:
        return self.wait(0)

    def set(self) -> None:
        """Never blocks: at most one byte a process lies in the pipe."""
        if not self.is_set():
            os.write(self._write, b"x")

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it was set within so many seconds; None waits for as long as it takes."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def __del__(self) -> None:
        os.close(self._read)
        os.close(self._write)
