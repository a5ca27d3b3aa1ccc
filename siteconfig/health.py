"""Registry of health checks. Each app registers its own in its AppConfig.

/healthz answers 503 if a vital check fails. /readyz shows the findings of all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db import DatabaseError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """The result of a check.

    `summary` is a sentence for a person. `facts` are values for scripts, of types that JSON has.
    """

    is_well: bool
    summary: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    name: str
    is_vital: bool
    finding: Health

    @property
    def title(self) -> str:
        """The name for a page: "Database space"."""
        return self.name.replace("_", " ").capitalize()

    @property
    def urgency(self) -> int:
        """Sort key: 0 for a vital check that fails, 1 for another that fails, 2 for success."""
        return 2 if self.finding.is_well else int(not self.is_vital)


Check = Callable[[], Health]

_checks: Final[dict[str, tuple[Check, bool]]] = {}


def register_health_check(name: str, check: Check, *, is_vital: bool) -> None:
    """Registers a check. It replaces an earlier one with the same name.

    Args:
        name: the name on /readyz.
        check: takes a millisecond or two and changes nothing. An exception counts as a failure.
        is_vital: whether /healthz fails with it.
    """
    _checks[name] = (check, is_vital)


def site_health(*, only_vital: bool = False) -> list[Report]:
    """Runs the checks in the order in which they were registered."""
    return [
        Report(name, is_vital, _run(name, check))
        for name, (check, is_vital) in _checks.items()
        if is_vital or not only_vital
    ]


def health_report(name: str) -> Report:
    """Runs one check. Raises: KeyError if no check of this name is registered."""
    check, is_vital = _checks[name]
    return Report(name, is_vital, _run(name, check))


def is_well(reports: list[Report]) -> bool:
    return all(report.finding.is_well for report in reports if report.is_vital)


def _run(name: str, check: Check) -> Health:
    try:
        return check()
    except DatabaseError as error:
        logger.warning("the health check '%s' failed: %s", name, error)
        return Health(is_well=False, summary="The database does not answer.")
    except Exception:
        logger.exception("the health check '%s' failed", name)
        return Health(is_well=False, summary="This could not be checked. The log says why.")
