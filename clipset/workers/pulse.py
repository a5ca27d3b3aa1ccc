"""Whether a cluster of workers really works, and its heartbeat, which stops when it does not.

The guard of django-q2's cluster asks every half second. A guard that hangs does not ask, so that
its heartbeat stops, too.
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
# A task that takes longer than this without a tick counts as hung.
QUIET_SECONDS: float = 600
# How long a task may lie there beside a worker that has nothing to do.
UNTAKEN_SECONDS: float = 30
# After a heartbeat that could not be written.
AGAIN_SECONDS: Final = 5


class Pulse:
    """Beats at most every BEAT_SECONDS, by `write`, which may raise."""

    def __init__(self, write: Callable[[], None]) -> None:
        self.write = write
        self.next_at = float("-inf")
        self.untaken_since: float | None = None
        self.known_problem = ""

    def look(self, sentinel: Sentinel) -> None:
        """Beats if it is time and nothing is wrong. Never raises: the guard has to go on."""
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
            self.next_at = now + AGAIN_SECONDS

    def _problem(self, sentinel: Sentinel, now: float) -> str:
        """In words, or ""."""
        for process in (*sentinel.pool, sentinel.monitor, sentinel.pusher):
            if _is_stopped(process.pid):
                return f"process {process.pid} is stopped (continue it with kill -CONT, or kill it)"
        for worker in sentinel.pool:
            if quiet_seconds(worker.timer, sentinel.timeout) > QUIET_SECONDS:
                return (
                    f"the task of worker {worker.pid} shows no progress for {QUIET_SECONDS:.0f} s"
                )
        # What lies in the pipe; the queue's own count may be wrong once a worker was killed.
        is_untaken = sentinel.task_queue._reader.poll(0) and any(map(_is_idle, sentinel.pool))
        self.untaken_since = (self.untaken_since or now) if is_untaken else None
        if self.untaken_since is not None and now - self.untaken_since > UNTAKEN_SECONDS:
            return f"a task lies there for {UNTAKEN_SECONDS:.0f} s, and no idle worker takes it"
        return ""


def _is_idle(worker: Any) -> bool:
    return bool(worker.timer.value == -1)


def _is_stopped(pid: int) -> bool:
    """By a signal; proc(5). False where that cannot be seen."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False
