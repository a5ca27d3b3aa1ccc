"""Tasks in a second thread: their results and errors come back, and none outlives its block."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from tests.processes import wait_for
from videos.transcode.beside import beside
from videos.transcode.confine import Limits
from videos.transcode.errors import CancelledError, SourceError
from videos.transcode.run import capture
from videos.transcode.types import Progress, Tick, no_tick

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(wall_seconds=60)


def test_the_result_comes_back() -> None:
    with beside(lambda _: threading.current_thread().name) as result:
        assert result(no_tick) != threading.current_thread().name


def test_an_error_comes_back() -> None:
    def fail(_: Tick) -> None:
        raise SourceError("Damaged.")

    with beside(fail) as result, pytest.raises(SourceError, match=r"Damaged\."):
        result(no_tick)


def test_there_are_ticks_in_this_thread_while_one_waits() -> None:
    ticked = threading.Event()
    threads: list[threading.Thread] = []

    def tick(_: Progress) -> None:
        threads.append(threading.current_thread())
        ticked.set()

    with beside(lambda _: ticked.wait(30)) as result:
        assert result(tick)
    assert threads[0] is threading.current_thread()


def test_a_block_that_ends_early_ends_the_process(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    errors: list[Exception] = []

    def sleep(tick: Tick) -> None:
        try:
            command = ["sh", "-c", f"echo $$ > {started}; exec sleep 50"]
            capture(
                command,
                limits=LIMITS,
                on_output=lambda _: None,
                tick=tick,
                tick_interval=0.05,
                access=None,
            )
        except CancelledError as error:
            errors.append(error)
            raise

    def fail_meanwhile() -> None:
        with beside(sleep):
            wait_for(lambda: started.exists() and started.read_text().strip())
            raise SourceError("The packets are damaged.")

    with pytest.raises(SourceError, match="The packets"):
        fail_meanwhile()
    assert len(errors) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
