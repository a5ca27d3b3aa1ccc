"""Running transfers: each is stopped once, when its right is lost, and never for another reason."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from clipset.server import transfers as module
from clipset.server.transfers import Transfer, Transfers
from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

LOST = "lost"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    yield
    wait_for(lambda: not threads(), name="the end of the thread")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "transfers"]


def lost_of(rights: set[Any]) -> set[Any]:
    return rights & {LOST}


def begun(transfers: Transfers, right: str) -> tuple[Transfer, list[str]]:
    stopped: list[str] = []
    transfer = Transfer(right, lambda: stopped.append(right))
    transfers.begin(transfer)
    return transfer, stopped


def test_only_transfers_whose_right_is_lost_are_stopped_once() -> None:
    transfers = Transfers(lost_of)
    kept, kept_stops = begun(transfers, "kept")
    lost, lost_stops = begun(transfers, LOST)
    wait_for(lambda: lost.is_stopped, name="the stop")
    transfers.look()
    assert lost_stops == [LOST]
    assert kept_stops == []
    assert not kept.is_stopped
    transfers.end(kept)
    transfers.end(lost)


def test_a_transfer_that_has_ended_is_never_stopped() -> None:
    transfers = Transfers(lost_of)
    transfer, stops = begun(transfers, LOST)
    transfers.end(transfer)
    transfers.look()
    assert (stops, transfer.is_stopped) == ([], False)


def test_one_thread_looks_while_there_are_transfers_and_another_one_later() -> None:
    transfers = Transfers(lost_of)
    first, _ = begun(transfers, "kept")
    second, _ = begun(transfers, "kept")
    assert len(threads()) == 1
    transfers.end(first)
    transfers.end(second)
    wait_for(lambda: not threads(), name="the end of the thread")
    third, stops = begun(transfers, LOST)
    wait_for(lambda: bool(stops), name="the stop")
    transfers.end(third)


@pytest.mark.parametrize("error", [OperationalError("locked"), RuntimeError("a bug")])
def test_while_the_database_does_not_answer_transfers_go_on_and_the_log_says_it_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Exception | None] = [error, error, error]

    def find_lost(rights: set[Any]) -> set[Any]:
        if answers and (raised := answers.pop()) is not None:
            raise raised
        return lost_of(rights)

    transfers = Transfers(find_lost)
    with caplog.at_level(logging.WARNING):
        transfer, stops = begun(transfers, LOST)
        wait_for(lambda: bool(stops), name="the stop")
    transfers.end(transfer)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"The rights of running transfers could not be looked at: {error}. They go on.",
        "The rights of running transfers can be looked at again.",
    ]
