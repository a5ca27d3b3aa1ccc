"""The doctor: a registry in which each app registers what it looks for and how it mends that.

An app calls `register_doctor_check` in its AppConfig. `manage.py doctor`, the page in the admin and
a daily task run all checks (siteconfig.services.doctor). What mends change is written to a log
first, so that it can be taken back (siteconfig.services.doctor_log).

Rules for a check: it changes nothing, and it takes no file for deleted while its storage root is
away (it raises DoctorStoppedError then). Rules for a mend: it looks again before it changes
something, it unlinks nothing, and whatever it changes goes through the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from siteconfig.services.doctor_log import Journal


class DoctorStoppedError(Exception):
    """The doctor must not go on, since what it would find could be wrong. The text is a sentence
    that says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `check` and `subject` together name it: a mend asks for it by them. `sentence` is for a person.
    `mend` says what a mend would do; None where a person has to act. `facts` are what the mend
    needs, of what JSON can hold.
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
    """How to look. `is_deep`: at everything, however long it takes. `tick` is to be called now and
    then by a check that takes long; it shows that the doctor is at work."""

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
    """A later check of the same name takes the place of an earlier one.

    Args:
        name: as it stands in findings, such as "thumbnails".
        find: yields what is wrong. What it raises becomes a finding of its own.
        mend: mends one finding whose `mend` is a sentence.
    """
    _checks[name] = Check(name, find, mend)


def register_doctor_stop(stop: Stop) -> None:
    """`stop` returns a sentence when the doctor must not look at anything now, else ""."""
    if stop not in _stops:
        _stops.append(stop)


def doctor_checks() -> list[Check]:
    """In the order in which they were registered."""
    return list(_checks.values())


def stop_if_needed() -> None:
    """Raises: DoctorStoppedError."""
    for stop in _stops:
        if sentence := stop():
            raise DoctorStoppedError(sentence)
