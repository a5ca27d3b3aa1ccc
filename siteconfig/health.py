"""Whether the site is well: a registry in which each app registers its checks, in its AppConfig.

/healthz answers 503 when a vital check fails; /readyz tells all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db import DatabaseError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """What a check found. `summary` is a sentence for a person; `facts` are for scripts, of what
    JSON can hold."""

    is_well: bool
    summary: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    name: str
    is_vital: bool
    finding: Finding

    @property
    def title(self) -> str:
        """The name for a page: "Database space"."""
        return self.name.replace("_", " ").capitalize()

    @property
    def urgency(self) -> int:
        """0 for a failing vital check, 1 for another unwell one, 2 for what is well."""
        return 2 if self.finding.is_well else int(not self.is_vital)


Check = Callable[[], Finding]

_checks: Final[dict[str, tuple[Check, bool]]] = {}


def register_health_check(name: str, check: Check, *, is_vital: bool) -> None:
    """A later one of the same name takes the place of an earlier one.

    Args:
        name: as it stands in /readyz.
        check: takes a millisecond or two and changes nothing. What it raises counts as unwell.
        is_vital: whether /healthz fails with it.
    """
    _checks[name] = (check, is_vital)


def site_health(*, only_vital: bool = False) -> list[Report]:
    """What each check finds, in the order in which they were registered."""
    return [
        Report(name, is_vital, _run(name, check))
        for name, (check, is_vital) in _checks.items()
        if is_vital or not only_vital
    ]


def health_report(name: str) -> Report:
    """What one check finds. Raises: KeyError when nothing of this name is registered."""
    check, is_vital = _checks[name]
    return Report(name, is_vital, _run(name, check))


def is_well(reports: list[Report]) -> bool:
    return all(report.finding.is_well for report in reports if report.is_vital)


def _run(name: str, check: Check) -> Finding:
    try:
        return check()
    except DatabaseError as error:
        logger.warning("the health check '%s' failed: %s", name, error)
        return Finding(is_well=False, summary="The database does not answer.")
    except Exception:
        logger.exception("the health check '%s' failed", name)
        return Finding(is_well=False, summary="This could not be checked; the log says why.")
