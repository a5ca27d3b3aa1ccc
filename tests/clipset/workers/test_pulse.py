"""Conditions that stop a cluster's heartbeat. tests/videos/test_workers.py uses real workers."""

from __future__ import annotations

import os
import time
from multiprocessing import Value
from types import SimpleNamespace
from typing import Any

import pytest
from django_q.queues import Queue

from clipset.workers import pulse, ticks

TIMEOUT = 1_814_400  # seconds, as in Q_CLUSTER
IDLE = -1


@pytest.fixture
def sentinel() -> Any:
    """The state of a sentinel: one idle worker, and running processes."""
    me = SimpleNamespace(pid=os.getpid(), timer=Value("f", IDLE))
    return SimpleNamespace(
        pool=[me], monitor=me, pusher=me, timeout=TIMEOUT, task_queue=Queue(maxsize=4)
    )


class Beats:
    def __init__(self) -> None:
        self.count = 0
        self.pulse = pulse.Pulse(self.beat)

    def beat(self) -> None:
        self.count += 1


def test_the_first_beat_comes_at_once_and_the_next_after_a_while(
    sentinel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats = Beats()
    for _ in range(3):
        beats.pulse.look(sentinel)
    assert beats.count == 1
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0)
    beats.pulse.next_at = 0
    beats.pulse.look(sentinel)
    beats.pulse.look(sentinel)
    assert beats.count == 3


def test_a_task_nobody_takes_beside_an_idle_worker_stops_it(
    sentinel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0)
    monkeypatch.setattr(pulse, "UNTAKEN_SECONDS", -1)
    beats = Beats()
    beats.pulse.look(sentinel)
    sentinel.task_queue.put("a task")
    assert sentinel.task_queue._reader.poll(5)
    beats.pulse.look(sentinel)
    assert beats.count == 1
    # All workers are busy, so the task waits, which may take hours.
    sentinel.pool[0].timer.value = TIMEOUT
    beats.pulse.look(sentinel)
    assert beats.count == 2
    sentinel.pool[0].timer.value = IDLE
    assert sentinel.task_queue.get() == "a task"
    beats.pulse.look(sentinel)
    assert beats.count == 3


def test_a_task_without_a_tick_stops_it_and_a_tick_brings_it_back(
    sentinel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0)
    timer = sentinel.pool[0].timer
    monkeypatch.setattr(ticks, "_timer", None)
    ticks.begin_ticking(timer, TIMEOUT)
    ticks.tick()
    assert timer.value == IDLE  # nothing is being done that could go on
    timer.value = TIMEOUT + 3 - pulse.QUIET_SECONDS - 1  # as the guard counts it down
    beats = Beats()
    beats.pulse.look(sentinel)
    assert beats.count == 0
    ticks.tick()
    beats.pulse.look(sentinel)
    assert beats.count == 1
    assert ticks.quiet_seconds(timer, TIMEOUT) < 1


def test_a_beat_that_cannot_be_written_ends_no_guard_and_is_tried_again(sentinel: Any) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    beating = pulse.Pulse(full)
    beating.look(sentinel)
    assert beating.next_at < time.monotonic() + pulse.BEAT_SECONDS
