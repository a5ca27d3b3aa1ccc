"""Workers find a task at once, without waiting for the next poll."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django_q.brokers import get_broker
from django_q.models import OrmQ

from clipset.workers import wake_up
from clipset.workers.task_queue import FIRST_CLUSTER, enqueue
from clipset.workers.wake_up import WakeUp, WokenORM, wake_cluster

if TYPE_CHECKING:
    from pytest_django import Settings

FOREVER = 60.0  # seconds that no test waits


@pytest.fixture
def run_folder(settings: Settings, tmp_path: Path) -> Path:
    settings.RUN_FOLDER = tmp_path
    return tmp_path


def test_a_cluster_is_woken_while_it_waits(run_folder: Path) -> None:
    end = WakeUp("queue")
    waker = threading.Timer(0.05, wake_cluster, ["queue"])
    waker.start()
    since = time.monotonic()
    assert end.wait(FOREVER)
    assert time.monotonic() - since < FOREVER / 2
    waker.join()
    assert not end.wait(0), "each call wakes once"
    assert (run_folder / "wake-queue").stat().st_mode & 0o777 == 0o600


def test_a_call_before_the_wait_is_not_lost(run_folder: Path) -> None:
    end = WakeUp("queue")
    for _ in range(100_000):  # more than the FIFO holds: nobody is blocked
        wake_cluster("queue")
    assert end.wait(FOREVER)
    assert not end.wait(0)


def test_without_a_cluster_a_call_does_nothing(run_folder: Path) -> None:
    wake_cluster("queue")
    WakeUp("queue")  # ends at once; its FIFO stays
    wake_cluster("queue")
    assert (run_folder / "wake-queue").is_fifo()
    (run_folder / "wake-other").write_text("no FIFO")
    with pytest.raises(FileExistsError):
        WakeUp("other")


def is_read(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # it does not exist yet, or nobody has opened it
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_a_task_is_taken_as_soon_as_it_is_committed(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake_up, "POLL_SECONDS", FOREVER)
    broker = get_broker(FIRST_CLUSTER)
    assert isinstance(broker, WokenORM)
    taken: list[object] = []

    def take() -> None:
        # None if it was woken: the task is there the next time.
        taken.extend(broker.dequeue() or broker.dequeue())
        connection.close()

    cluster = threading.Thread(target=take)
    cluster.start()
    while not is_read(run_folder / f"wake-{FIRST_CLUSTER}"):
        time.sleep(0.005)
    since = time.monotonic()
    with transaction.atomic():
        enqueue("videos.tasks.look_after_jobs")
        assert not taken
    cluster.join(FOREVER / 2)
    assert time.monotonic() - since < FOREVER / 2
    assert len(taken) == OrmQ.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_fifo_the_cluster_polls(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake_up, "POLL_SECONDS", 0.01)
    (run_folder / f"wake-{FIRST_CLUSTER}").mkdir()
    broker = get_broker(FIRST_CLUSTER)
    assert broker.dequeue() is None
    enqueue("videos.tasks.look_after_jobs")
    assert len(broker.dequeue()) == 1
