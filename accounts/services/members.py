"""Changes to members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts.models import Role, Session, User
from accounts.services.avatars import remove_avatar
from clipset.lib.ids import hash_token
from clipset.lib.transactions import batch_job

if TYPE_CHECKING:
    from collections.abc import Iterable


def is_last_admin(user: User) -> bool:
    """Whether the site would be without an admin who can log in if it were not for this one."""
    if not (user.is_admin and user.can_log_in):
        return False
    return not User.objects.admins().exclude(pk=user.pk).exists()


def _locked_with_admins(user: User) -> User:
    """The member as stored now. All active admins stay locked too, until the transaction ends:
    otherwise two who go at once would each take the other for the one who stays."""
    admins = Q(role=Role.ADMIN, is_active=True)
    list(User.objects.select_for_update().filter(admins | Q(pk=user.pk)).order_by("pk"))
    return User.objects.get(pk=user.pk)


def _forbid_losing_the_last_admin(user: User) -> None:
    if is_last_admin(user):
        raise ValidationError(
            f"{user.username} is the last active admin. Make somebody else an admin first."
        )


@transaction.atomic
def set_role(*, user: User, role: Role, granted_by: User) -> User:
    """Gives a member a role, with the flags and the group that follow from it.

    Raises ValidationError for a role above the granter's own, for a change to somebody who
    ranks above the granter, and for the last admin.
    """
    if max(role.rank, Role(user.role).rank) > Role(granted_by.role).rank:
        raise ValidationError("You can't grant or take a role above your own.")
    current = _locked_with_admins(user)
    if role is not Role.ADMIN:
        _forbid_losing_the_last_admin(current)
    user.apply_role(role)
    user.save(update_fields=["role", "is_staff", "is_superuser"])
    user.sync_groups()
    return user


@transaction.atomic
def deactivate_member(*, user: User) -> User:
    """Ends every session of a member and keeps them out. Raises for the last admin."""
    current = _locked_with_admins(user)
    _forbid_losing_the_last_admin(current)
    user.is_active = False
    user.save(update_fields=["is_active"])
    Session.objects.filter(user=user).delete()
    return user


def activate_member(*, user: User) -> User:
    user.is_active = True
    user.save(update_fields=["is_active"])
    return user


@batch_job("delete_members")
@transaction.atomic
def delete_members(*, users: Iterable[User], heir: User) -> int:
    """Deletes members with all that is theirs; their categories go to `heir` and stay.

    Raises ValidationError when no active admin would be left. Returns how many were deleted.
    """
    ids = [user.pk for user in users]
    if heir.pk in ids:
        raise ValidationError("You can't delete yourself.")
    _locked_with_admins(heir)
    if not User.objects.admins().exclude(pk__in=ids).exists():
        raise ValidationError("One active admin has to stay.")
    for user in User.objects.filter(pk__in=ids):
        user.categories.update(created_by=heir)
        remove_avatar(user=user)
    _, rows = User.objects.filter(pk__in=ids).delete()
    return rows.get("accounts.User", 0)


def end_session(*, user: User, session_id: str) -> bool:
    """Ends one of the member's own sessions, named by its hash; False when it is over already."""
    for session in user.sessions.all():
        if hash_token(session.session_key) == session_id:
            session.delete()
            return True
    return False


def end_other_sessions(*, user: User, keep: str | None) -> int:
    """Ends all sessions of a member but the one named. Returns how many."""
    deleted, _ = Session.objects.filter(user=user).exclude(session_key=keep).delete()
    return deleted
