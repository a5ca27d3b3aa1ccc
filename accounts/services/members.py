"""Changes to members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CASCADE, ForeignObjectRel, Q
from django.utils import timezone

from accounts.models import Role, Session, User
from clipset.database.transactions import batch_job
from clipset.lib.ids import hash_token
from clipset.workers.task_queue import enqueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import Model, QuerySet

# Of what goes with a member: more is left to a worker.
MAX_ROWS_AT_ONCE: Final = 200


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
            f"{user.username} is the only active admin. Make someone else an admin first."
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
    """Raises ValidationError for a member who is being deleted."""
    if not User.objects.filter(pk=user.pk, deleting_since=None).update(is_active=True):
        raise ValidationError(f"{user.username} is being deleted.")
    user.is_active = True
    return user


@batch_job("delete_members")
@transaction.atomic
def delete_members(*, users: Iterable[User], heir: User) -> int:
    """Deletes members with all that is theirs; their categories go to `heir` and stay.

    A member who has much is deactivated at once, and deleted by a worker in batches. Raises
    ValidationError when no active admin would be left. Returns how many were deleted at once.
    """
    ids = [user.pk for user in users]
    if heir.pk in ids:
        raise ValidationError("You can't delete yourself.")
    _locked_with_admins(heir)
    if not User.objects.admins().exclude(pk__in=ids).exists():
        raise ValidationError("There must be at least one active admin.")
    few = []
    for user in User.objects.filter(pk__in=ids):
        user.categories.update(created_by=heir)
        if _has_much(user):
            _mark_for_deletion(user)
        else:
            few.append(user.pk)
    if len(few) < len(ids):
        enqueue("videos.tasks.delete_marked_rows")
    _, rows = User.objects.filter(pk__in=few).delete()
    return rows.get("accounts.User", 0)


def _mark_for_deletion(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False, deleting_since=timezone.now())
    Session.objects.filter(user=user).delete()


def _has_much(user: User) -> bool:
    """Whether more would go with a member than one transaction should delete."""
    left = MAX_ROWS_AT_ONCE
    for rows in rows_of(user):
        left -= rows[: left + 1].count()
        if left < 0:
            return True
    return False


def rows_of(user: User) -> Iterator[QuerySet[Any]]:
    """What would go with a member, one query set a table; their videos first."""
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
    """Deletes up to a few hundred rows of a member who is being deleted, and in the end the member.
    Returns how many."""
    for rows in rows_of(user):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MAX_ROWS_AT_ONCE])
        if keys and rows.model is user.categories.model:
            # One that was created just before: it is handed over like the others.
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
