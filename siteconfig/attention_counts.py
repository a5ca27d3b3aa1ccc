"""How much needs the attention of a member of staff: for the page, and for the site's bar."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from siteconfig.attention import NONE_AWAY, Source, open_rows, sources_for, total_of
from siteconfig.models import AuditEntry
from siteconfig.services.put_away import put_away_keys

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

logger = logging.getLogger(__name__)

# For how long a process shows the number in the site's bar without counting again.
KEPT_SECONDS: Final = 60
MAX_KEPT: Final = 1000  # members of staff


@dataclass(frozen=True, slots=True)
class _Kept:
    """The number for the bar, the time until which it is used, and the newest entry of the audit
    log when it was counted."""

    total: int
    until: float
    entry: int | None


_kept: Final[dict[UUID, _Kept]] = {}  # by the member's id


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows there are of each kind, and how many the member of staff has put away."""

    by_kind: dict[str, int]
    put_away: int

    @property
    def total(self) -> int:
        return total_of(self.by_kind.values())


def attention_counts(staff: User) -> Counts:
    """Counts the rows of each source. One query or two for each, and one."""
    away = put_away_keys(staff.pk)
    found = {
        source.kind: _count(source, staff, away.get(source.kind, NONE_AWAY))
        for source in sources_for(staff)
    }
    return Counts(
        by_kind={kind: count for kind, (count, _) in found.items()},
        put_away=sum(put_away for _, put_away in found.values()),
    )


def kept_total(staff: User) -> int:
    """Returns the total for the site's bar, counted by this process at most once a minute, and
    after each act in the audit log. One query, and one or two for each source when it counts.

    Every page shows it, so it may be a minute old: counting takes a query for each source.
    """
    now, entry = time.monotonic(), _newest_entry()
    kept = _kept.get(staff.pk)
    if kept is None or now >= kept.until or entry != kept.entry:
        kept = _keep(staff, attention_counts(staff).total, entry)
    return kept.total


def keep_total(staff: User, total: int) -> None:
    """Sets what `kept_total` returns, after somebody has counted anyway. One query."""
    _keep(staff, total, _newest_entry())


def _keep(staff: User, total: int, entry: int | None) -> _Kept:
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    kept = _kept[staff.pk] = _Kept(total, time.monotonic() + KEPT_SECONDS, entry)
    return kept


def _newest_entry() -> int | None:
    return AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first()


def _count(source: Source, staff: User, away: frozenset[str]) -> tuple[int, int]:
    """Returns how many rows there are, up to MAX_COUNTED + 1, and how many are put away."""
    try:
        if not away:
            return source.number_of_rows(staff), 0
        rows, put_away = open_rows(source, staff, away)
        return len(rows), put_away
    except Exception:
        logger.exception("the source '%s' of the attention page failed", source.kind)
        return 0, 0
