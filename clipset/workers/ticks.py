"""How a worker shows that its task goes on, to the guard of its cluster.

django-q2 shares a number with each worker: -1 while it has nothing to do, else the seconds that its
task has left, which the guard counts down. A tick sets it back, so that it also says how long the
task has been quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

# What django-q2 adds to a task's timeout when it begins (django_q.worker).
_GRACE_SECONDS: Final = 3

_timer: Synchronized[float] | None = None
_full: float = 0


def begin_ticking(timer: Any, timeout: float) -> None:
    """To be called in a worker's process with what django-q2 gives it; seconds."""
    global _timer, _full
    _timer, _full = timer, timeout + _GRACE_SECONDS


def tick() -> None:
    """The task goes on. For what may take longer than a few minutes; does nothing elsewhere."""
    if _timer is not None and _timer.value > 0:
        _timer.value = _full


def quiet_seconds(timer: Any, timeout: float) -> float:
    """Of a worker, as its guard sees it; 0 while it has nothing to do."""
    left = float(timer.value)
    return max(0.0, timeout + _GRACE_SECONDS - left) if left > 0 else 0.0
