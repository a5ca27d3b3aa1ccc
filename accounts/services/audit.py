"""Writing to the audit log about members and their things.

An entry has the id and the rank of the member whom an act concerns, since moderators read those
about members below them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from accounts.models import Role, User
from siteconfig.actors import Actor, acting, current_actor
from siteconfig.enums import Source
from siteconfig.services.audit import is_done_by_staff, record

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model

# Entries do not hold addresses, not even of an address that was changed.
CHANGED: Final = "changed"


def rank_of(role: str) -> int:
    return Role(role).rank


def record_about(user: User, action: str, *, rank: int | None = None, **details: Any) -> None:
    """Records an act on a member, whoever acts.

    Args:
        rank: that of the member's role by default.
        details: as for siteconfig.services.audit.record.
    """
    rank = rank_of(user.role) if rank is None else rank
    record(action, user, member=user.pk, rank=rank, **details)


def record_on_thing_of(
    owner: UUID, action: str, thing: Model, *, by_anybody: bool = False, **details: Any
) -> None:
    """Records an act of staff on a thing of another member; with `by_anybody` also the owner's own.

    Queries the rank of the owner (an id) if it records anything.
    """
    is_recorded = current_actor() is not None if by_anybody else is_done_by_staff(owner=owner)
    if is_recorded:
        role = User.objects.filter(pk=owner).values_list("role", flat=True).first()
        rank = None if role is None else rank_of(role)
        record(action, thing, member=owner, rank=rank, **details)


def record_join(user: User, *, invitation: UUID | None = None) -> None:
    """Records that somebody became a member. Nobody is logged in yet, so the new member acts."""
    actor = Actor(user.pk, user.username, Source.SITE, user.is_staff)
    with acting(lambda: actor):
        after = {"role": user.role, "invitation": None if invitation is None else str(invitation)}
        record_about(user, "member.join", after=after)


def record_log_in(user: User) -> None:
    """Records a log-in of staff. Call it after `login`, so that the member is the actor."""
    if user.is_staff:
        record_about(user, "session.start")
