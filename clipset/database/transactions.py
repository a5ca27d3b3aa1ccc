"""Measures how long a thread computes while it is in a transaction, and logs where that is long.

On SQLite a transaction holds the site's only write lock from its beginning, so that all who want to
change something wait for whatever is computed in it. What is slow belongs before or after.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connections
from django.db.transaction import Atomic, get_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CPU_SECONDS: Final = 0.1  # of a thread in one transaction
# What may take longer: an operator or an admin starts it on purpose, and rarely.
BATCH_JOBS: Final = frozenset({"delete_members", "rebuild_search", "seed_clipset"})
# And migrations, whose transactions begin here.
_MIGRATIONS: Final = "django.db.backends.base.schema."

logger = logging.getLogger("clipset.transactions")
# What this thread is at: "POST /upload/", the name of a task, or "".
_work: ContextVar[str] = ContextVar("clipset_work", default="")
_batch: ContextVar[bool] = ContextVar("clipset_batch", default=False)
_local = threading.local()


@dataclass(slots=True)
class _Measured:
    """An outermost atomic block of the application that is open."""

    place: str
    started: float
    is_over: bool = False

    def stop(self) -> None:
        """Logs it, at the first of two calls."""
        if self.is_over:
            return
        self.is_over = True
        seconds = _cpu_seconds() - self.started
        is_batch = _batch.get() or self.place.startswith(_MIGRATIONS)
        if seconds > MAX_CPU_SECONDS and not is_batch:
            logger.warning(
                "A transaction took %d ms of CPU time, during which nobody else can write:"
                " %s, begun in %s",
                seconds * 1000,
                _work.get() or "no request or task",
                self.place,
            )


def name_work(name: str) -> None:
    """Says for the log on whose behalf this thread's transactions are from now on."""
    _work.set(name)


@contextmanager
def batch_job(name: str) -> Iterator[None]:
    """Nothing is logged of transactions within, nor of one that is open around it. Raises
    ValueError for a name that is not listed."""
    if name not in BATCH_JOBS:
        raise ValueError(f"{name} is not among BATCH_JOBS")
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block and hasattr(connection, "clipset_measured"):
            connection.clipset_measured.is_over = True
    token = _batch.set(True)
    try:
        yield
    finally:
        _batch.reset(token)


def watch_transactions() -> None:
    """Measures each outermost atomic block from now on. Called once, when the site starts.

    Django has no signal for the beginning and the end of a transaction, so that the two methods
    of Atomic are wrapped. In tests the block that a test itself runs in does not count.
    """
    if getattr(Atomic, "is_watched", False):
        return
    enter, leave = Atomic.__enter__, Atomic.__exit__

    def measured_enter(self: Atomic) -> None:
        enter(self)
        connection = get_connection(self.using)
        if _blocks(connection) == 1:
            begun = _Measured(_caller(), _cpu_seconds())
            connection.clipset_measured = begun
            if len(connection.atomic_blocks) == 1:
                # Stopped first of all that runs after the commit, in which locks are free again.
                connection.on_commit(begun.stop)

    def measured_exit(self: Atomic, *error: Any) -> None:
        connection = get_connection(self.using)
        begun = getattr(connection, "clipset_measured", None) if _blocks(connection) == 1 else None
        try:
            leave(self, *error)
        finally:
            if begun is not None:
                begun.stop()

    Atomic.__enter__, Atomic.__exit__ = measured_enter, measured_exit  # type: ignore[method-assign]
    Atomic.is_watched = True  # type: ignore[attr-defined]
    gc.callbacks.append(_note_collection)


def _blocks(connection: Any) -> int:
    return sum(not block._from_testcase for block in connection.atomic_blocks)


def _cpu_seconds() -> float:
    """Of this thread, without what it spent on collecting the garbage of all."""
    return time.thread_time() - getattr(_local, "collecting", 0.0)


def _note_collection(phase: str, _info: dict[str, int]) -> None:
    if phase == "start":
        _local.since = time.thread_time()
    else:
        spent = time.thread_time() - getattr(_local, "since", time.thread_time())
        _local.collecting = getattr(_local, "collecting", 0.0) + spent


def _caller() -> str:
    """Module, function and line of whoever entered the block."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_code.co_filename.endswith("contextlib.py"):
        frame = frame.f_back
    module = frame.f_globals.get("__name__", "?")
    return f"{module}.{frame.f_code.co_name}:{frame.f_lineno}"
