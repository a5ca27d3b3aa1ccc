"""Changes to members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CASCADE, ForeignObjectRel, Q
from django.utils import timezone

from accounts.models import (
    BEING_DELETED,
    IN_TRASH,
    EmailChange,
    Role,
    Session,
    User,
    normalize_email,
    stored_key,
)
from accounts.services.audit import CHANGED, rank_of, record_about
from accounts.services.second_factor_dates import require_of_new_staff
from accounts.services.security_notifications import tell_member
from clipset.lib.ids import hash_token
from clipset.workers.task_queue import enqueue
from siteconfig.services.audit import is_done_by_staff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    from django.db.models import Model, QuerySet

# A member with more rows than this is deleted by a worker in batches of this size. The deletion of
# 200 videos, which nobody had liked, took 90 ms of CPU time.
MAX_ROWS_AT_ONCE: Final = 100

NO_ADMIN_LEFT: Final = "There must be at least one active admin."
ROLE_NOT_YOURS: Final = "Only admins can change who is a moderator or an admin."
SELF_DEACTIVATION: Final = "You can't deactivate yourself. Ask another moderator or admin."
EMAIL_SUBJECT: Final = "Your e-mail address was changed"
EMAIL_CHANGED: Final = "An admin changed the e-mail address of your account."
SELF_DELETION: Final = "You can't delete yourself. Ask another admin."


_lockers: Final[list[Callable[[list[UUID]], None]]] = []


def register_locker(locker: Callable[[list[UUID]], None]) -> None:
    """Registers a function of an app above this one, which locks what members (ids) own before they
    are deleted: cascades reach it in an order of their own."""
    _lockers.append(locker)


def is_last_admin(user: User) -> bool:
    """Returns whether this member is the only admin who can log in."""
    if not (user.is_admin and user.can_log_in):
        return False
    return not User.objects.admins().exclude(pk=user.pk).exists()


def check_is_not_last_admin(user: User) -> None:
    """Raises: ValidationError if this member is the only admin who can log in."""
    if is_last_admin(user):
        raise ValidationError(
            f"{user.username} is the only active admin. Make someone else an admin first."
        )


def check_may_grant(user: User, role: Role, *, granted_by: User) -> None:
    """Raises: ValidationError if the granter may not grant the new role or take the old one."""
    granter = Role(granted_by.role)
    if not (granter.may_grant(role) and granter.may_grant(Role(user.role))):
        raise ValidationError(ROLE_NOT_YOURS)


def lock_member(key: UUID) -> None:
    """Locks a member until the transaction ends; before what is theirs (docs/architecture.md)."""
    list(User.objects.select_for_update(no_key=True).filter(pk=key).values_list("pk"))


def lock_with_admins(*keys: UUID) -> None:
    """Locks members together with all active admins until the transaction ends.

    Without that two admins who are removed at the same time would each count the other one as the
    admin who stays.
    """
    found = Q(role=Role.ADMIN, is_active=True) | Q(pk__in=keys)
    locked = User.objects.select_for_update(no_key=True).filter(found)
    list(locked.order_by("pk").values_list("pk"))


def locked_with_admins(user: User) -> User:
    """Returns the member as stored now, locked together with all active admins."""
    lock_with_admins(user.pk)
    return User.objects.get(pk=user.pk)


@transaction.atomic
def set_role(*, user: User, role: Role, granted_by: User) -> User:
    """Sets a member's role, with the flags and the group that follow from it.

    Raises:
        ValidationError: if the granter may not grant the new role or take the old one, or if the
            site would have no admin left.
    """
    check_may_grant(user, role, granted_by=granted_by)
    current = locked_with_admins(user)
    if role is not Role.ADMIN:
        check_is_not_last_admin(current)
    user.apply_role(role)
    user.save(update_fields=["role", "is_staff", "is_superuser"])
    user.sync_groups()
    require_of_new_staff(user=user)
    if current.role != role:
        # Moderators read of members below them only, both before and after.
        highest = max(role.rank, rank_of(current.role))
        before, after = {"role": current.role}, {"role": str(role)}
        record_about(user, "member.role", rank=highest, before=before, after=after)
    return user


@transaction.atomic
def rename_member(*, user: User, username: str) -> User:
    """Stores another username, which the caller's form has checked."""
    current = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    User.objects.filter(pk=user.pk).update(username=username)
    if current.username != username and is_done_by_staff(owner=user.pk):
        before, after = {"username": current.username}, {"username": username}
        record_about(current, "member.rename", before=before, after=after)
    user.username = username
    return user


@transaction.atomic
def change_email(*, user: User, email: str) -> User:
    """Stores another e-mail address, which the caller's form has checked, and tells the member at
    the old one. For staff: the members' own changes are in accounts.services.email_changes."""
    old = User.objects.values_list("email", flat=True).get(pk=user.pk)
    user.email = normalize_email(email)
    User.objects.filter(pk=user.pk).update(email=user.email)
    EmailChange.objects.filter(member=user).delete()
    if user.email != old:
        tell_member(user=user, subject=EMAIL_SUBJECT, text=EMAIL_CHANGED, address=old)
    if is_done_by_staff(owner=user.pk):
        record_about(user, "member.email", after={"email": CHANGED})
    return user


@transaction.atomic
def deactivate_member(*, user: User, reason: str = "") -> User:
    """Blocks a member's log-in and ends all of their sessions.

    Raises: ValidationError for the last admin.
    """
    current = locked_with_admins(user)
    check_is_not_last_admin(current)
    user.is_active = False
    user.save(update_fields=["is_active"])
    Session.objects.filter(user=user).delete()
    # Whoever is locked out must not find a way prepared when the member is activated again.
    EmailChange.objects.filter(member=user).delete()
    if current.is_active:
        before, after = {"is_active": True}, {"is_active": False}
        record_about(user, "member.deactivate", reason=reason, before=before, after=after)
    return user


@transaction.atomic
def activate_member(*, user: User, reason: str = "") -> User:
    """Allows a deactivated member to log in again.

    Raises: ValidationError for a member who is being deleted or in the trash.
    """
    outside = User.objects.filter(pk=user.pk, trashed_at=None)
    found = outside.filter(deleting_since=None)
    if found.filter(is_active=False).update(is_active=True):
        before, after = {"is_active": False}, {"is_active": True}
        record_about(user, "member.activate", reason=reason, before=before, after=after)
    elif not found.exists():
        raise ValidationError(BEING_DELETED if outside.exists() else IN_TRASH)
    user.is_active = True
    return user


def delete_members(*, users: Iterable[User], heir: User, reason: str = "") -> int:
    """Deletes members for good with everything they own, except their categories, which `heir`
    gets. Each member is deleted in a transaction of their own, between which others can write.

    A member with more than MAX_ROWS_AT_ONCE rows is deactivated now and deleted by a worker in
    batches. Returns how many members were deleted now.

    Raises:
        ValidationError: if `heir` is one of the members, or if no active admin would be left.
    """
    ids = [user.pk for user in users]
    with transaction.atomic():
        check_are_deletable(ids, by=heir)
    deleted = sum(_delete_member(pk, heir=heir, reason=reason) for pk in ids)
    if deleted < len(ids):
        enqueue("videos.tasks.delete_marked_rows")
    return deleted


@transaction.atomic
def _delete_member(pk: UUID, *, heir: User, reason: str) -> int:
    """Deletes or marks a member. Returns 1 if the member was deleted, else 0."""
    check_are_deletable([pk], by=heir)
    user = User.objects.filter(pk=pk, deleting_since=None).first()
    if user is None:
        return 0
    facts = {"role": user.role, "videos": user.videos.count()}
    record_about(user, "member.delete", reason=reason, before=facts)
    user.categories.update(created_by=heir)
    if _has_many_rows(user):
        _mark_for_deletion(user)
        return 0
    for lock in _lockers:
        lock([pk])
    _, rows = User.objects.filter(pk=pk).delete()
    return rows.get("accounts.User", 0)


def check_are_deletable(ids: list[UUID], *, by: User) -> None:
    """Checks that these members may be deleted. They are locked with all active admins until the
    transaction ends.

    Raises:
        ValidationError: if `by` is one of the members, or if no active admin would be left.
    """
    if by.pk in ids:
        raise ValidationError(SELF_DELETION)
    lock_with_admins(by.pk, *ids)
    if not User.objects.admins().exclude(pk__in=ids).exists():
        raise ValidationError(NO_ADMIN_LEFT)


def _mark_for_deletion(user: User) -> None:
    User.objects.filter(pk=user.pk).update(
        is_active=False, deleting_since=timezone.now(), is_moving=False
    )
    Session.objects.filter(user=user).delete()


def _has_many_rows(user: User) -> bool:
    """Returns whether a member has more rows than one transaction should delete."""
    allowed = MAX_ROWS_AT_ONCE
    for rows in rows_of(user):
        allowed -= rows[: allowed + 1].count()
        if allowed < 0:
            return True
    return False


def rows_of(user: User) -> Iterator[QuerySet[Any]]:
    """Yields one query set for each table whose rows are deleted with a member, videos first."""
    relations = [
        relation
        for relation in User._meta.get_fields(include_hidden=True)
        if isinstance(relation, ForeignObjectRel)
        and (relation.one_to_many or relation.one_to_one)
        and getattr(relation, "on_delete", None) is CASCADE
    ]
    for relation in sorted(relations, key=lambda relation: relation.name != "videos"):
        field = relation.field
        model = cast("type[Model]", relation.related_model)
        yield model._default_manager.filter(**{field.name: user})


def delete_some_rows_of(user: User) -> int:
    """Deletes one batch of rows of a member who is being deleted, or the member if none are left.

    Returns how many rows were deleted or, for categories, handed to the oldest active admin.

    Raises: ValidationError if there are categories but no active admin to hand them to.
    """
    for rows in rows_of(user):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MAX_ROWS_AT_ONCE])
        if keys and rows.model is user.categories.model:
            # A category that was created while the member was being deleted.
            heir = (
                User.objects.filter(role=Role.ADMIN, is_active=True).order_by("created_at").first()
            )
            if heir is None:
                raise ValidationError("There is no active admin to hand categories to.")
            rows.filter(pk__in=keys).update(created_by=heir)
        elif keys:
            rows.filter(pk__in=keys).delete()
        if keys:
            return len(keys)
    deleted, _ = User.objects.filter(pk=user.pk).exclude(deleting_since=None).delete()
    return deleted


def end_session(*, user: User, session_id: str) -> bool:
    """Ends one of the member's sessions. Returns False if there is no such session.

    Args:
        session_id: as on the member's page (selectors.SessionRow.id).
    """
    for session in user.sessions.all():
        if hash_token(session.session_key) == session_id:
            session.delete()
            return True
    return False


def end_other_sessions(*, user: User, keep: str | None) -> int:
    """Ends all sessions of a member except the one with the key `keep`. Returns how many."""
    ended = Session.objects.filter(user=user)
    if keep is not None:
        ended = ended.exclude(session_key=stored_key(keep))
    deleted, _ = ended.delete()
    return deleted
