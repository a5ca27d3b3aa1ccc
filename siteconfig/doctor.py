"""Registry of the doctor's checks: each app registers what to look for and how to repair it.

An app calls `register_doctor_check` in its AppConfig. `manage.py doctor`, the page in the admin and
a daily task run all checks (siteconfig.services.doctor). Every change is written to a log before it
is made, so that it can be undone (siteconfig.services.doctor_log).

Rules for a `find` function: it changes nothing, and it does not treat a file as deleted while its
storage root is not available (it raises DoctorStoppedError then). Rules for a `mend` function: it
checks again before it changes something, it unlinks no file, and it makes every change through the
journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from siteconfig.services.doctor_log import Journal


class DoctorStoppedError(Exception):
    """The doctor must not continue, because its findings could be wrong.

    The text is a sentence that says what to do.
    """


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem that a check found.

    `check` and `subject` together identify it. `sentence` describes it for a person. `mend`
    describes the repair; it is None if only a person can solve the problem. `facts` are values for
    the repair, of types that JSON has.
    """

    check: str
    sentence: str
    subject: str = ""
    mend: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def _no_tick() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Look:
    """Options for a check.

    `is_deep` asks it to examine everything, however long that takes. A check that takes long calls
    `tick` regularly, which records that the doctor is still running.
    """

    is_deep: bool = False
    tick: Callable[[], None] = _no_tick


Find = Callable[[Look], Iterable[Finding]]
Mend = Callable[[Finding, "Journal"], None]
Stop = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    find: Find
    mend: Mend | None


_checks: Final[dict[str, Check]] = {}
_stops: Final[list[Stop]] = []


def register_doctor_check(name: str, find: Find, mend: Mend | None = None) -> None:
    """Registers a check. It replaces an earlier one with the same name.

    Args:
        name: the name in its findings, such as "thumbnails".
        find: yields the findings. An exception becomes a finding, too.
        mend: repairs one finding whose `mend` is not None.
    """
    _checks[name] = Check(name, find, mend)


def register_doctor_stop(stop: Stop) -> None:
    """Registers a function that returns a sentence if the doctor must not run now, else ""."""
    if stop not in _stops:
        _stops.append(stop)


def doctor_checks() -> list[Check]:
    """Returns the checks in the order in which they were registered."""
    return list(_checks.values())


def stop_if_needed() -> None:
    """Raises: DoctorStoppedError."""
    for stop in _stops:
        if sentence := stop():
            raise DoctorStoppedError(sentence)
