"""Undoing acts of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from clipset.lib.refusals import RefusedError
from siteconfig.actors import current_actor
from siteconfig.models import AuditEntry
from siteconfig.selectors.audit_log import may_read, readable_by
from siteconfig.services.audit import record, recording_undo_of
from siteconfig.undo import NOT_ALLOWED, may_undo, undo_of, undoable_actions

if TYPE_CHECKING:
    from django.db.models import QuerySet

ALREADY_UNDONE: Final = "This has already been undone."
CANNOT_BE_UNDONE: Final = "This can't be undone."
# Acts of one request that are undone at once; the rest can be undone after that.
MAX_AT_ONCE: Final = 500


def undo_entry(*, entry: AuditEntry, by: Any) -> AuditEntry:
    """Undoes the act of an entry. Returns the entry about that, whose `undoes` names the first.

    Everything happens in one transaction.

    Args:
        by: the member of staff, who is also the present actor (siteconfig.actors).

    Raises:
        RefusedError: if they may not, if it was undone already, or if the object was changed since.
        ValidationError: as the service that undoes it, for example for the last admin.
    """
    undo = undo_of(entry)
    if undo is None:
        raise RefusedError(CANNOT_BE_UNDONE)
    actor = current_actor()
    is_allowed = may_read(entry, by) and undo.may(entry, by)
    if not is_allowed or actor is None or actor.id != by.pk:
        raise RefusedError(NOT_ALLOWED, status=403)
    try:
        with transaction.atomic(), recording_undo_of(entry) as undoing:
            if _is_undone(entry):
                raise RefusedError(ALREADY_UNDONE)
            undo.run(entry, by)
            return undoing.counter_act or _record_undo(entry, undo.counter_action)
    except (RefusedError, IntegrityError) as error:
        # Of two undos at once the second one waits for the first, and finds a changed object, or
        # the unique constraint on `undoes` refuses its entry.
        if _is_undone(entry):
            raise RefusedError(ALREADY_UNDONE) from error
        raise


def _is_undone(entry: AuditEntry) -> bool:
    return AuditEntry.objects.filter(undoes=entry.pk).exists()


def _record_undo(entry: AuditEntry, action: str) -> AuditEntry:
    """Records an undo whose service records nothing, such as one of somebody's own thing."""
    thing = _Named(entry.object_id)
    made = record(
        action,
        thing,  # type: ignore[arg-type] # only its key is read
        name=entry.object_name,
        member=entry.member_id,
        rank=entry.member_rank,
        before=entry.after,
        after=entry.before,
        undoes=entry.pk,
    )
    assert made is not None  # undo_entry has checked that somebody acts
    return made


@dataclass(frozen=True, slots=True)
class _Named:
    """Stands for an object of which only the key is known."""

    pk: str


@dataclass(frozen=True, slots=True)
class UndoneRequest:
    """The result of undoing all acts of a request.

    `refusals` has a sentence for each act that was not undone: its object's name and why.
    """

    entries: list[AuditEntry]
    refusals: list[str]


def undoable_of_request(request_id: str, by: Any) -> list[AuditEntry]:
    """Returns the acts of a request that `by` may undo now, newest first. One query."""
    if not request_id:
        return []
    found = _not_undone(AuditEntry.objects.filter(request_id=request_id))
    found = found.filter(readable_by(by), action__in=undoable_actions()).order_by("-pk")
    return [entry for entry in found[:MAX_AT_ONCE] if may_undo(entry, by)]


def undo_request(*, request_id: str, by: Any) -> UndoneRequest:
    """Undoes all acts of a request that can be undone, each in its own transaction.

    At most MAX_AT_ONCE. An act that can't be undone does not stop the others.
    """
    result = UndoneRequest([], [])
    for entry in undoable_of_request(request_id, by):
        try:
            undo_entry(entry=entry, by=by)
        except RefusedError as error:
            result.refusals.append(f"“{entry.object_name}”: {error.sentence}")
        except ValidationError as error:
            result.refusals.append(f"“{entry.object_name}”: {' '.join(error.messages)}")
        else:
            result.entries.append(entry)
    return result


def _not_undone(entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    return entries.filter(~Exists(AuditEntry.objects.filter(undoes=OuterRef("pk"))))
