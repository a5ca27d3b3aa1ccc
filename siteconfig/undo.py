"""Registry of how acts in the audit log are undone: each app registers this for its own acts.

An app calls `register_undo` in its AppConfig. The service `undo_entry` (siteconfig.services.undo)
undoes the act of an entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from clipset.lib.refusals import RefusedError

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import Model

    from siteconfig.models import AuditEntry

CHANGED_SINCE: Final = "Somebody changed it since."
GONE: Final = "It doesn't exist anymore."
NOT_ALLOWED: Final = "You aren't allowed to undo this."

Run = Callable[["AuditEntry", Any], None]
May = Callable[["AuditEntry", Any], bool]


@dataclass(frozen=True, slots=True)
class Undo:
    """How the acts of one action are undone.

    Args:
        run: undoes the act of an entry for a member of staff, in a transaction that is open. It
            locks the object, refuses if the object is not as the entry left it, and calls a
            service. Raises: RefusedError, ValidationError.
        may: whether the member of staff may do such an act to this object. No queries.
        counter_action: the action of the entry about the undo, if the service records none.
        needs: values that the entry's `before` and `after` must have; else it can't be undone.
            Acts of one action that change different values are undone in different ways.
    """

    run: Run
    may: May
    counter_action: str
    needs: frozenset[str] = frozenset()


_undos: Final[dict[str, dict[frozenset[str], Undo]]] = {}


def register_undo(
    action: str, run: Run, *, may: May, counter_action: str, needs: frozenset[str] = frozenset()
) -> None:
    """Registers how acts of this action that changed the values `needs` are undone. It replaces an
    earlier registration."""
    _undos.setdefault(action, {})[needs] = Undo(run, may, counter_action, needs)


def undo_of(entry: AuditEntry) -> Undo | None:
    """Returns how the entry's act is undone; None if it can't be."""
    kept = set(entry.before) & set(entry.after)
    ways = _undos.get(entry.action, {}).values()
    return next((undo for undo in ways if undo.needs <= kept), None)


def undoable_actions() -> list[str]:
    return sorted(_undos)


def may_undo(entry: AuditEntry, by: AbstractBaseUser) -> bool:
    """Returns whether the act can be undone and the member may do so. No queries but permissions.

    It says nothing about whether the act has been undone already.
    """
    undo = undo_of(entry)
    return undo is not None and undo.may(entry, by)


def may_act_on_members_below(entry: AuditEntry, by: Any, permission: str) -> bool:
    """Returns whether `by` has a permission and the entry concerns a member below them.

    Admins are above everybody. The rank is that of the entry; `run` checks the present one.
    """
    if by.is_superuser:
        return True
    return entry.member_rank == 0 and by.has_perm(permission)


def refuse_if_changed(thing: Model, entry: AuditEntry) -> None:
    """Raises: RefusedError if a field of the thing differs from the entry's `after`.

    Values that are no fields, such as names, are not compared; ids and moments are compared as
    texts.
    """
    fields = {name for field in thing._meta.concrete_fields for name in (field.name, field.attname)}
    for name, value in entry.after.items():
        if name in fields and _plain(getattr(thing, name)) != _plain(value):
            raise RefusedError(CHANGED_SINCE)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):  # as services write a moment into an entry
        return value.astimezone(UTC).isoformat()
    return value if value is None or isinstance(value, (bool, int)) else str(value)
