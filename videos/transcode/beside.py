"""Runs a task in a second thread while the caller does something else.

For short runs of FFmpeg beside another one. What `run` says of threads holds: the second thread
lives until the process that it started has ended, and dies with this process.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from videos.transcode.errors import CancelledError
from videos.transcode.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videos.transcode.types import Tick

TICK_SECONDS = 1.0

Result = TypeVar("Result")


@contextmanager
def beside(task: Callable[[Tick], Result]) -> Iterator[Callable[[Tick], Result]]:
    """Starts a task. Yields a function that waits for its result, or raises what it raised.

    The task is cancelled, and waited for, if the block ends before.

    Args:
        task: gets a tick that ends it. It must not use the database.
    """
    is_over = threading.Event()

    def end_when_over(_: Progress) -> None:
        if is_over.is_set():
            raise CancelledError

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(task, end_when_over)

        def result(tick: Tick) -> Result:
            while not wait([future], timeout=TICK_SECONDS).done:
                tick(Progress())
            return future.result()

        try:
            yield result
        finally:
            is_over.set()
