"""The heartbeat of a cluster of workers, which stops when the cluster does not work properly.

The sentinel of django-q2's cluster calls it every half second. If the sentinel itself hangs, the
heartbeat stops as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clipset.workers.ticks import quiet_seconds

if TYPE_CHECKING:
    from django_q.cluster import Sentinel

logger = logging.getLogger(__name__)

BEAT_SECONDS: float = 20
# A task without a tick for longer than this counts as hung.
QUIET_SECONDS: float = 600
# How long a task may wait in the queue while a worker is idle.
UNTAKEN_SECONDS: float = 30
# When to try again after a heartbeat could not be written.
RETRY_SECONDS: Final = 5


class Pulse:
    """Writes a heartbeat every BEAT_SECONDS by calling `write`, which may raise."""

    def __init__(self, write: Callable[[], None]) -> None:
        self.write = write
        self.next_at = float("-inf")
        self.untaken_since: float | None = None
        self.known_problem = ""

    def look(self, sentinel: Sentinel) -> None:
        """Writes a heartbeat if it is due and the cluster works. Never raises, since an exception
        would stop the sentinel."""
        now = time.monotonic()
        problem = self._problem(sentinel, now)
        if problem != self.known_problem:
            self.known_problem = problem
            if problem:
                logger.error("no heartbeat from now on: %s", problem)
            else:
                logger.info("the heartbeat goes on")
        if problem or now < self.next_at:
            return
        try:
            self.write()
            self.next_at = now + BEAT_SECONDS
        except Exception:
            logger.exception("the heartbeat could not be written")
            self.next_at = now + RETRY_SECONDS

    def _problem(self, sentinel: Sentinel, now: float) -> str:
        """A sentence that says what is wrong, or ""."""
        for process in (*sentinel.pool, sentinel.monitor, sentinel.pusher):
            if _is_stopped(process.pid):
                return f"process {process.pid} is stopped (continue it with kill -CONT, or kill it)"
        for worker in sentinel.pool:
            if quiet_seconds(worker.timer, sentinel.timeout) > QUIET_SECONDS:
                return (
                    f"the task of worker {worker.pid} shows no progress for {QUIET_SECONDS:.0f} s"
                )
        # Looks into the pipe, since the queue's own count may be wrong after a worker was killed.
        is_untaken = sentinel.task_queue._reader.poll(0) and any(map(_is_idle, sentinel.pool))
        self.untaken_since = (self.untaken_since or now) if is_untaken else None
        if self.untaken_since is not None and now - self.untaken_since > UNTAKEN_SECONDS:
            return f"a task lies there for {UNTAKEN_SECONDS:.0f} s, and no idle worker takes it"
        return ""


def _is_idle(worker: Any) -> bool:
    return bool(worker.timer.value == -1)


def _is_stopped(pid: int) -> bool:
    """Whether a signal has stopped the process (proc(5), stat). False if that cannot be read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False
