"""Measures the processor time that a thread spends in a transaction, and logs long ones.

On SQLite a transaction holds the site's only write lock from its beginning, so everyone else who
wants to write waits for the computation in it. Slow work belongs before or after a transaction.
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
# Work that may take longer, since an operator starts it on purpose, and rarely.
BATCH_JOBS: Final = frozenset({"rebuild_search", "seed_clipset"})
# Migrations may take longer too; their transactions begin in this module.
_MIGRATIONS: Final = "django.db.backends.base.schema."

logger = logging.getLogger("clipset.transactions")
# The current work of this thread: "POST /upload/", the name of a task, or "".
_work: ContextVar[str] = ContextVar("clipset_work", default="")
_batch: ContextVar[bool] = ContextVar("clipset_batch", default=False)
_local = threading.local()


@dataclass(slots=True)
class _Measured:
    """An open outermost atomic block of the application."""

    place: str
    started: float
    is_over: bool = False

    def stop(self) -> None:
        """Ends the measurement and logs a long one. A second call does nothing."""
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
    """Sets the request or task that the log names for this thread's transactions."""
    _work.set(name)


@contextmanager
def batch_job(name: str) -> Iterator[None]:
    """Context manager in which no transaction is logged, not even one that is already open.

    Raises: ValueError for a name that is not in BATCH_JOBS.
    """
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
    """Starts to measure each outermost atomic block. Called once, when the site starts.

    Django has no signal for the beginning and the end of a transaction, so two methods of Atomic
    are wrapped. The block in which a test itself runs does not count.
    """
    if getattr(Atomic, "is_watched", False):
        return
    enter, leave = Atomic.__enter__, Atomic.__exit__

    def measured_enter(self: Atomic) -> None:
        enter(self)
        connection = get_connection(self.using)
        if _blocks(connection) == 1:
            measured = _Measured(_caller(), _cpu_seconds())
            connection.clipset_measured = measured
            if len(connection.atomic_blocks) == 1:
                # The first hook after the commit, since locks are free from then on.
                connection.on_commit(measured.stop)

    def measured_exit(self: Atomic, *error: Any) -> None:
        connection = get_connection(self.using)
        is_outermost = _blocks(connection) == 1
        measured = getattr(connection, "clipset_measured", None) if is_outermost else None
        try:
            leave(self, *error)
        finally:
            if measured is not None:
                measured.stop()

    Atomic.__enter__, Atomic.__exit__ = measured_enter, measured_exit  # type: ignore[method-assign]
    Atomic.is_watched = True  # type: ignore[attr-defined]
    gc.callbacks.append(_note_collection)


def _blocks(connection: Any) -> int:
    return sum(not block._from_testcase for block in connection.atomic_blocks)


def _cpu_seconds() -> float:
    """Processor time of this thread, without garbage collection, which serves all threads."""
    return time.thread_time() - getattr(_local, "collecting", 0.0)


def _note_collection(phase: str, _info: dict[str, int]) -> None:
    if phase == "start":
        _local.since = time.thread_time()
    else:
        spent = time.thread_time() - getattr(_local, "since", time.thread_time())
        _local.collecting = getattr(_local, "collecting", 0.0) + spent


def _caller() -> str:
    """Module, function and line of the code that entered the block."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_code.co_filename.endswith("contextlib.py"):
        frame = frame.f_back
    module = frame.f_globals.get("__name__", "?")
    return f"{module}.{frame.f_code.co_name}:{frame.f_lineno}"
