"""Writing to the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipset.lib.request_id import current_request_id
from siteconfig.actors import current_actor
from siteconfig.models.audit import MAX_NAME, AuditEntry

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model


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
    actor = current_actor()
    if actor is None or not actor.is_staff or (owner is not None and actor.id == owner):
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
    return AuditEntry.objects.create(
        actor_id=actor.id,
        actor_name=actor.name[:MAX_NAME],
        source=actor.source,
        address=actor.address,
        action=action,
        object_kind=action.partition(".")[0],
        object_id="" if thing is None else str(thing.pk),
        object_name=(str(thing) if name is None else name)[:MAX_NAME],
        member_id=member,
        member_rank=rank,
        reason=reason,
        before=before or {},
        after=after or {},
        undoes=undoes,
        request_id=current_request_id(),
    )
