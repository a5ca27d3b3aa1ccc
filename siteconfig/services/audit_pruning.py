"""Deleting old entries of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Min

from siteconfig.audit_triggers import without_triggers
from siteconfig.models import AuditEntry
from siteconfig.services.audit import record

if TYPE_CHECKING:
    from datetime import datetime

# Entries of one transaction, in which nobody else writes to the log.
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many entries there are, or were deleted, and the times of the first and the last one."""

    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def __add__(self, other: Pruned) -> Pruned:
        oldest = [it for it in (self.oldest, other.oldest) if it is not None]
        newest = [it for it in (self.newest, other.newest) if it is not None]
        return Pruned(
            self.count + other.count, min(oldest, default=None), max(newest, default=None)
        )


def entries_before(before: datetime) -> Pruned:
    """Returns what pruning would delete."""
    found = AuditEntry.objects.filter(at__lt=before)
    times = found.aggregate(oldest=Min("at"), newest=Max("at"))
    return Pruned(found.count(), times["oldest"], times["newest"])


def prune_audit_log(*, before: datetime, older_than_days: int) -> Pruned:
    """Deletes the entries older than `before`, in batches, and records that in one entry.

    That entry is written with the first batch and brought up to date with each further one, in the
    same transaction. So it is true at each moment, also if this is killed.

    Args:
        older_than_days: the age from which `before` follows, for the entry.
    """
    done, note = Pruned(), None
    while AuditEntry.objects.filter(at__lt=before).exists():
        with without_triggers():
            batch = _delete_batch(before)
            if batch.count:  # not if another pruning was faster
                done += batch
                note = _noted(note, done, older_than_days)
    return done


def _delete_batch(before: datetime) -> Pruned:
    found = AuditEntry.objects.filter(at__lt=before).order_by("at").values_list("pk", "at")
    rows = list(found[:BATCH])
    if not rows:
        return Pruned()
    AuditEntry.objects.filter(pk__in=[key for key, _ in rows]).delete()
    return Pruned(len(rows), rows[0][1], rows[-1][1])


def _noted(note: AuditEntry | None, done: Pruned, older_than_days: int) -> AuditEntry | None:
    """Records what has been deleted so far."""
    assert done.oldest is not None
    assert done.newest is not None
    after = {
        "entries": done.count,
        "oldest": done.oldest.isoformat(timespec="seconds"),
        "newest": done.newest.isoformat(timespec="seconds"),
        "older_than_days": older_than_days,
    }
    if note is None:
        return record("audit.prune", None, name="Audit log", after=after)
    AuditEntry.objects.filter(pk=note.pk).update(after=after)
    return note
