"""Runs functions in threads that start at the same moment, each with its own connection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def together(functions: Sequence[Callable[[], T]]) -> list[T]:
    """Runs the functions together. Returns their results in order, or raises the first error."""
    start = Barrier(len(functions))

    def run(function: Callable[[], T]) -> T:
        try:
            start.wait(10)  # seconds
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(run, functions))
