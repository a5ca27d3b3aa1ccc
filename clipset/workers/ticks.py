"""Signs of life from a task to the sentinel of its cluster.

django-q2 shares a number with each worker: -1 while it is idle, else the seconds that its task has
left, which the sentinel counts down. A tick resets the number to the full time, so it also shows
how long the task has been quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

# django-q2 adds these to a task's timeout when the task begins (django_q.worker).
_GRACE_SECONDS: Final = 3

_timer: Synchronized[float] | None = None
_full: float = 0


def begin_ticking(timer: Any, timeout: float) -> None:
    """Enables ticks in a worker's process.

    Args:
        timer: the number that django-q2 shares with the worker.
        timeout: seconds that a task may take.
    """
    global _timer, _full
    _timer, _full = timer, timeout + _GRACE_SECONDS


def tick() -> None:
    """Shows that the task makes progress. Call it in tasks that take longer than a few minutes.

    Does nothing outside a worker.
    """
    if _timer is not None and _timer.value > 0:
        _timer.value = _full


def quiet_seconds(timer: Any, timeout: float) -> float:
    """Seconds since the last tick of a worker, as its sentinel sees it; 0 while it is idle."""
    remaining = float(timer.value)
    return max(0.0, timeout + _GRACE_SECONDS - remaining) if remaining > 0 else 0.0
