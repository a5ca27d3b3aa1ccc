"""Long computations in a transaction are logged with their request or task."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from clipset.database import transactions
from clipset.database.transactions import batch_job, name_work
from clipset.workers.task_queue import name_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

DATABASES = [
    pytest.param("db", id="inside a test's own transaction"),
    pytest.param("transactional_db", id="with real transactions"),
]


def compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def work() -> Iterator[None]:
    name_work("")
    yield
    name_work("")


def taken(found: list[str]) -> list[str]:
    texts = list(found)
    found.clear()
    return texts


def test_150_ms_of_computing_are_logged_with_who_and_where(
    database: None, long_transactions: list[str]
) -> None:
    name_task(task={"func": "videos.tasks.tidy_up"})
    with transaction.atomic():
        with transaction.atomic():
            compute(0.08)
        compute(0.07)
    (text,) = taken(long_transactions)
    assert "task videos.tasks.tidy_up" in text
    assert f"{__name__}.test_150_ms_of_computing" in text


def test_what_is_rolled_back_counts_as_well(database: None, long_transactions: list[str]) -> None:
    def fail() -> None:
        compute(0.15)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        transaction.atomic(fail)()
    assert len(taken(long_transactions)) == 1


def test_a_decorated_function_is_named_by_its_caller(
    database: None, long_transactions: list[str]
) -> None:
    transaction.atomic(compute)(0.15)
    assert "a_decorated_function" in taken(long_transactions)[0]


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(lambda: time.sleep(0.15), id="waiting"),
        pytest.param(lambda: compute(0.03), id="computing a little"),
    ],
)
def test_waiting_and_little_work_are_not_logged(
    database: None, harmless: Callable[[], None], long_transactions: list[str]
) -> None:
    with transaction.atomic():
        harmless()
    assert not long_transactions


@pytest.mark.django_db(transaction=True)
def test_what_runs_after_the_commit_holds_no_lock(long_transactions: list[str]) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: compute(0.15))
    assert not long_transactions

    def another() -> None:
        with transaction.atomic():
            compute(0.15)

    with transaction.atomic():
        transaction.on_commit(another)
    assert len(taken(long_transactions)) == 1


@pytest.mark.django_db
def test_the_garbage_of_others_does_not_count(
    long_transactions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            compute(0.15)

    ours = gc.callbacks.index(transactions._note_collection)
    gc.callbacks.insert(ours + 1, slow)
    try:
        with transaction.atomic():
            gc.collect(0)
    finally:
        gc.callbacks.remove(slow)
    assert not long_transactions


@pytest.mark.django_db
def test_only_named_batch_jobs_may_take_long(long_transactions: list[str]) -> None:
    with batch_job("rebuild_search"), transaction.atomic():
        compute(0.15)
    with transaction.atomic():
        with batch_job("rebuild_search"):
            pass
        compute(0.15)
    assert not long_transactions
    with pytest.raises(ValueError, match="not among"), batch_job("edit_video"):
        pass


@pytest.mark.django_db
def test_a_request_is_named_by_its_address(client: Client, long_transactions: list[str]) -> None:
    client.get("/login/")
    with transaction.atomic():
        compute(0.15)
    assert "GET /login/" in taken(long_transactions)[0]
