"""The lock excludes other processes, and a killed process releases it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

from clipset.lib.kernel_lock import KernelLock

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

FORK = multiprocessing.get_context("fork")


def hold(lock: KernelLock, line: Connection) -> None:
    with lock:
        line.send("held")
        line.recv()


def test_another_process_waits_until_it_is_released_or_its_holder_is_killed() -> None:
    lock = KernelLock()
    ours, theirs = FORK.Pipe()
    for is_killed in (True, False):
        holder = FORK.Process(target=hold, args=(lock, theirs))
        holder.start()
        assert ours.recv() == "held"
        assert not lock.acquire(block=False)
        assert holder.pid
        if is_killed:
            os.kill(holder.pid, signal.SIGKILL)
        else:
            ours.send("release it")
        holder.join(10)
        assert lock.acquire(block=False)
        lock.release()
