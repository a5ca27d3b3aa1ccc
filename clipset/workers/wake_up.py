"""Tells the workers of this host at once that a task was enqueued.

A cluster reads from a FIFO in data/run/ while its queue is empty, and a process that enqueues a
task writes a byte to it. It is a hint only: a cluster on another host, or without a FIFO, finds the
task when it polls the database (Q_CLUSTER's `poll`).
"""

from __future__ import annotations

import os
import select
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from django_q.brokers.orm import ORM

POLL_SECONDS: Final[float] = settings.Q_CLUSTER["poll"]


def wake_cluster(cluster: str) -> None:
    """Wakes a cluster of this host, if one runs. Call it after the commit. Never blocks."""
    with suppress(OSError):  # no cluster reads (ENXIO), or there is none here
        writer = os.open(_path(cluster), os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            os.write(writer, b"\0")
        finally:
            os.close(writer)


class WakeUp:
    """The cluster's end of the FIFO, which it creates."""

    def __init__(self, cluster: str) -> None:
        self._descriptor: int | None = None
        path = _path(cluster)
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # Open for writing as well, so that a process which closes its end causes no end of file.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
        if not stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            raise FileExistsError(f"{path} is no FIFO")

    def wait(self, seconds: float) -> bool:
        """Waits until the cluster is woken, or for some seconds. Returns whether it was woken."""
        assert self._descriptor is not None
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        with suppress(BlockingIOError):
            while os.read(self._descriptor, 4096):
                pass
        return True

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class WokenORM(ORM):  # type: ignore[misc]
    """django-q2's database broker, which can be woken while the queue is empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wake_up: WakeUp | None = None
        self._has_tried = False

    def dequeue(self) -> Any:
        # Before the question: a task that comes after it wakes, and one that came before is seen.
        self._listen()
        waiting = self.get_connection().filter(key=self.list_key, lock__lt=timezone.now())
        if waiting.exists():
            return super().dequeue()
        self._wait()
        return None

    def _listen(self) -> None:
        if not self._has_tried:
            self._has_tried = True
            with suppress(OSError):  # a file system without FIFOs
                self._wake_up = WakeUp(self.list_key)

    def _wait(self) -> None:
        if self._wake_up is None:
            time.sleep(POLL_SECONDS)
        else:
            self._wake_up.wait(POLL_SECONDS)


def make_database_broker(list_key: str) -> WokenORM:
    """Creates the broker for Q_CLUSTER's `broker_class`."""
    return WokenORM(list_key=list_key)


def _path(cluster: str) -> Path:
    return Path(settings.RUN_FOLDER) / f"wake-{cluster}"
