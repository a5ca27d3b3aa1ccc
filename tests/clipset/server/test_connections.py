"""Which idle connection makes room for another, and the limit of open files."""

from __future__ import annotations

import resource
from dataclasses import dataclass

import pytest

from clipset.server.connections import OTHER_FILES, allow_connections, next_to_close


@dataclass(frozen=True)
class Idle:
    name: str
    client: tuple[str, int]


def idle(*names: str) -> list[Idle]:
    """Connections by names such as "a1": of client a."""
    return [Idle(name, (name[0], 1)) for name in names]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a1",), "a1"),
        (("a1", "b1", "b2"), "b1"),
        (("a1", "b1", "b2", "a2", "a3"), "a1"),
        (("a1", "b1", "c1"), "a1"),  # everybody has one: the oldest goes
    ],
)
def test_the_oldest_of_the_client_with_most_makes_room(
    names: tuple[str, ...], expected: str
) -> None:
    found = next_to_close(idle(*names))
    assert found is not None
    assert found.name == expected


def test_without_an_idle_connection_none_is_closed() -> None:
    assert next_to_close([]) is None


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits of open files that the process has, the last one in force."""
    found = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: found[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: found.append(limits))
    return found


def test_the_limit_of_open_files_is_raised_as_needed(limits: list[tuple[int, int]]) -> None:
    assert allow_connections(2000) == 2000
    assert limits[-1] == (2000 + OTHER_FILES, 4096)


def test_there_are_fewer_connections_where_the_limit_cannot_be_raised(
    limits: list[tuple[int, int]],
) -> None:
    limits[:] = [(1024, 1024)]
    assert allow_connections(2000) == 1024 - OTHER_FILES


def test_a_limit_that_is_high_enough_stays(limits: list[tuple[int, int]]) -> None:
    limits[:] = [(resource.RLIM_INFINITY, resource.RLIM_INFINITY)]
    assert allow_connections(2000) == 2000
    assert len(limits) == 1
