"""Undoing acts on members that are in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import Role, User
from accounts.services.members import (
    activate_member,
    deactivate_member,
    locked_with_admins,
    set_role,
)
from accounts.services.quota import Counter, set_weekly_limit, undo_reset
from accounts.services.stored_limit import set_stored_limit
from accounts.services.trash import restore_member
from clipset.lib.refusals import RefusedError
from siteconfig.undo import (
    CHANGED_SINCE,
    GONE,
    NOT_ALLOWED,
    may_act_on_members_below,
    refuse_if_changed,
    register_undo,
)

if TYPE_CHECKING:
    from siteconfig.models import AuditEntry

LIMIT = "weekly_upload_limit_bytes"
STORED_LIMIT = "stored_limit_bytes"


def _may_change(entry: AuditEntry, by: User) -> bool:
    return may_act_on_members_below(entry, by, "accounts.change_user")


def _is_admin(_entry: AuditEntry, by: User) -> bool:
    return by.is_superuser


def _locked(entry: AuditEntry, by: User) -> User:
    """Returns the member, locked with all admins as in the services. Raises: RefusedError."""
    try:
        user = locked_with_admins(User(pk=entry.object_id))
    except User.DoesNotExist:
        raise RefusedError(GONE) from None
    if not by.is_admin and Role(user.role).rank >= Role(by.role).rank:
        raise RefusedError(NOT_ALLOWED, status=403)
    return user


def _unchanged(entry: AuditEntry, by: User) -> User:
    """Returns the member, locked, as the entry left them. Raises: RefusedError."""
    user = _locked(entry, by)
    refuse_if_changed(user, entry)
    return user


def _activate(entry: AuditEntry, by: User) -> None:
    activate_member(user=_unchanged(entry, by))


def _deactivate(entry: AuditEntry, by: User) -> None:
    user = _unchanged(entry, by)
    if user.pk == by.pk:
        raise RefusedError(NOT_ALLOWED, status=403)
    deactivate_member(user=user)


def _restore_limit(entry: AuditEntry, by: User) -> None:
    set_weekly_limit(user=_unchanged(entry, by), limit_bytes=entry.before[LIMIT])


def _restore_stored_limit(entry: AuditEntry, by: User) -> None:
    set_stored_limit(user=_unchanged(entry, by), limit_bytes=entry.before[STORED_LIMIT])


def _undo_reset(entry: AuditEntry, by: User) -> None:
    # What the member has uploaded since is no reason to refuse.
    before, after = Counter.of_values(entry.before), Counter.of_values(entry.after)
    undo_reset(user=_locked(entry, by), before=before, after=after)


def _restore_role(entry: AuditEntry, by: User) -> None:
    user = _unchanged(entry, by)
    set_role(user=user, role=Role(entry.before["role"]), granted_by=by)


def _restore_from_trash(entry: AuditEntry, by: User) -> None:
    user = _unchanged(entry, by)
    if not user.is_trashed:
        raise RefusedError(CHANGED_SINCE)
    restore_member(user=user, by=by)


def register_undos() -> None:
    quota = frozenset({"weekly_upload_bytes", "last_upload_reset"})
    for action, undo, may, counter_action, needs in (
        ("trash", _restore_from_trash, _is_admin, "restore", {"is_trashed"}),
        ("deactivate", _activate, _may_change, "activate", {"is_active"}),
        ("activate", _deactivate, _may_change, "deactivate", {"is_active"}),
        ("quota", _restore_limit, _may_change, "quota", {LIMIT}),
        ("storage", _restore_stored_limit, _may_change, "storage", {STORED_LIMIT}),
        ("quota", _undo_reset, _may_change, "quota", quota),
        ("role", _restore_role, _is_admin, "role", {"role"}),
    ):
        register_undo(
            f"member.{action}",
            undo,
            may=may,
            counter_action=f"member.{counter_action}",
            needs=frozenset(needs),
        )
