"""Who acts at this moment, for the audit log.

A middleware sets the actor of each request, manage.py that of a command. Services read it, so that
an act is logged alike wherever it comes from, and no service needs a parameter for it.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from siteconfig.enums import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID


@dataclass(frozen=True)
class Actor:
    """A member, or a command.

    Args:
        id: the member's; None for a command.
        name: the username, or the command with its name.
        is_staff: whether their acts on things of others are logged. True for commands.
        address: the client's network address; "" for a command.
    """

    id: UUID | None
    name: str
    source: Source
    is_staff: bool
    address: str = ""


_current: ContextVar[Callable[[], Actor | None] | None] = ContextVar("actor", default=None)


def current_actor() -> Actor | None:
    """Returns who acts; None for a visitor, a schedule and any other work of the site itself."""
    find = _current.get()
    return None if find is None else find()


@contextmanager
def acting(find: Callable[[], Actor | None]) -> Iterator[None]:
    """Context manager that sets the actor.

    Args:
        find: returns the actor. It is called only if something is logged, since to know the member
            of a request costs a query.
    """
    token = _current.set(find)
    try:
        yield
    finally:
        _current.reset(token)


def command_actor(name: str) -> Actor:
    """Returns the actor of a management command."""
    return Actor(id=None, name=f"manage.py {name}", source=Source.COMMAND, is_staff=True)


@contextmanager
def acting_as_command(arguments: list[str]) -> Iterator[None]:
    """Context manager for manage.py. Workers and servers do what others asked for: no actors.

    Args:
        arguments: sys.argv.
    """
    name = arguments[1] if len(arguments) > 1 else "help"
    if name in {"qcluster", "runserver"}:
        yield
    else:
        with acting(lambda: command_actor(name)):
            yield
