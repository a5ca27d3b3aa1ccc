"""Writing to the audit log."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clipset.lib.request_id import current_request_id
from siteconfig.actors import current_actor
from siteconfig.models.audit import MAX_NAME, AuditEntry, name_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from django.db.models import Model

    from siteconfig.actors import Actor

INSERTED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One of many acts that are recorded together. The fields are those of `record`."""

    id: object
    name: str
    member: UUID | None = None
    rank: int | None = None
    reason: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Undoing:
    """The undo of an entry. `counter_act` is the entry of the service that undoes its act."""

    entry: AuditEntry
    counter_act: AuditEntry | None = None

    def takes(self, made: AuditEntry) -> bool:
        """Returns whether an entry is the counter-act: the first one about the same object is."""
        about = (self.entry.object_kind, self.entry.object_id)
        return self.counter_act is None and about == (made.object_kind, made.object_id)


_undoing: ContextVar[Undoing | None] = ContextVar("undoing", default=None)


@contextmanager
def recording_undo_of(entry: AuditEntry) -> Iterator[Undoing]:
    """Context manager in which the first act on the entry's object is recorded as its undo."""
    undoing = Undoing(entry)
    token = _undoing.set(undoing)
    try:
        yield undoing
    finally:
        _undoing.reset(token)


def is_done_by_staff(*, owner: UUID | None) -> bool:
    """Returns whether a member of staff or a command acts at this moment, on something of somebody
    else (`owner`)."""
    actor = current_actor()
    return actor is not None and _is_on_others(actor, owner)


def record_by_staff(
    action: str, thing: Model, *, owner: UUID | None, rank: int | None = None, **details: Any
) -> AuditEntry | None:
    """Records an act if a member of staff or a command does it to something of somebody else.

    Call it in the transaction of the act, so that there is neither without the other.

    Args:
        action: kind and verb, such as "video.hide". The part before the dot is the object's kind.
        thing: the object. Its text is the entry's name for it.
        owner: the id of the member whom the act concerns.
        rank: the rank of that member's role; members below a moderator have 0.
        details: as for `record`.
    """
    if not is_done_by_staff(owner=owner):
        return None
    return record(action, thing, member=owner, rank=rank, **details)


def record(
    action: str,
    thing: Model | None,
    *,
    name: str | None = None,
    member: UUID | None = None,
    rank: int | None = None,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    undoes: int | None = None,
) -> AuditEntry | None:
    """Records an act of whoever acts at this moment. Returns None if nobody does, as in a schedule.

    `before` and `after` hold plain JSON values and never a secret: no password, token or link.
    """
    actor = current_actor()
    if actor is None:
        return None
    act = Act(
        id="" if thing is None else thing.pk,
        name=_name_of(thing) if name is None else name,
        member=member,
        rank=rank,
        reason=reason,
        before=before or {},
        after=after or {},
    )
    entry = _entry(actor, action, act)
    entry.undoes = undoes
    undoing = _undoing.get()
    if undoing is not None and undoing.takes(entry):
        entry.undoes, undoing.counter_act = undoing.entry.pk, entry
    entry.save(force_insert=True)
    return entry


def _name_of(thing: Model | None) -> str:
    return "" if thing is None else str(thing)


def record_many(action: str, acts: Iterable[Act]) -> None:
    """Records acts on many objects, as `record` does. One INSERT for INSERTED_AT_ONCE of them."""
    actor = current_actor()
    if actor is not None:
        entries = (_entry(actor, action, act) for act in acts)
        AuditEntry.objects.bulk_create(entries, batch_size=INSERTED_AT_ONCE)


def record_many_by_staff(action: str, acts: Iterable[Act]) -> None:
    """Records acts on many objects, as `record_by_staff` does; their `member` is the owner."""
    actor = current_actor()
    if actor is not None:
        record_many(action, (act for act in acts if _is_on_others(actor, act.member)))


def differences(
    before: dict[str, Any], after: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns both without the values that are the same in both."""
    names = [name for name, value in after.items() if before[name] != value]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _is_on_others(actor: Actor, owner: UUID | None) -> bool:
    return actor.is_staff and (owner is None or actor.id != owner)


def _entry(actor: Actor, action: str, act: Act) -> AuditEntry:
    return AuditEntry(
        actor_id=actor.id,
        actor_name=actor.name[:MAX_NAME],
        source=actor.source,
        address=actor.address,
        action=action,
        object_kind=action.partition(".")[0],
        object_id=str(act.id),
        object_name=act.name[:MAX_NAME],
        name_key=name_key(act.name),
        member_id=act.member,
        member_rank=act.rank,
        reason=act.reason,
        before=act.before,
        after=act.after,
        request_id=current_request_id(),
    )
