"""An event that forked processes share, with waits that ignore changes of the clock."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from clipset.workers.kernel_event import KernelEvent
from tests.processes import ROOT

if TYPE_CHECKING:
    from tests.shifted_clock import ShiftedClock

FORK = multiprocessing.get_context("fork")


def test_it_is_set_for_good_and_for_all() -> None:
    event = KernelEvent()
    assert not event.is_set()
    since = time.monotonic()
    assert not event.wait(0.05)
    assert 0.04 < time.monotonic() - since < 5
    child = FORK.Process(target=event.set)
    child.start()
    assert event.wait()
    child.join()
    event.set()
    assert event.is_set()
    assert event.wait(0)


WAIT = """
from clipset.workers.kernel_event import KernelEvent
event = KernelEvent()
print("begins", flush=True)
for _ in range(5):
    event.wait(0.1)
print("ends", flush=True)
"""


def test_a_clock_that_is_set_back_keeps_nobody_waiting(shifted_clock: ShiftedClock) -> None:
    """multiprocessing's own event would wait for the 40 days here."""
    shifted_clock.set_ahead(timedelta(days=40))
    with subprocess.Popen(
        [sys.executable, "-c", WAIT],
        cwd=ROOT,
        env=shifted_clock.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stdout
        try:
            assert waiting.stdout.readline() == "begins\n"
            shifted_clock.set_right()
            assert waiting.wait(10) == 0
        finally:
            waiting.kill()
