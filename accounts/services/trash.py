"""Members in the trash (decision 22).

A member in the trash is deactivated, and nobody sees what is theirs. Comments and playlists stay
untouched, since queries leave out those of such members (videos.querysets). Videos go into the
trash with the member: a first batch in the same transaction, the rest by a worker while
`User.is_moving`. The row stays until the days are over, so that name and address are reserved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import BEING_DELETED, EmailChange, Role, Session, User
from accounts.services.audit import record_about
from accounts.services.members import NO_ADMIN_LEFT, check_are_deletable, delete_members
from clipset.workers.task_queue import enqueue
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

MAX_EXPIRED: Final = 20  # members that one transaction marks for deletion

# What an entry of the audit log says about a member in the trash.
TRASHED: Final = {"is_active": False, "is_trashed": True}

ADMIN_RESTORES: Final = "Only an admin can restore a member."

_movers: Final[list[Callable[[User], bool]]] = []


def register_mover(mover: Callable[[User], bool]) -> None:
    """Registers a function of an app above this one, which moves what is a member's after them.

    Args:
        mover: moves one batch into or out of the trash in the caller's transaction, as
            `User.trashed_at` says. Returns whether more is left. Can be repeated.
    """
    _movers.append(mover)


def trash_members(*, users: Iterable[User], by: User, reason: str = "") -> int:
    """Puts members into the trash with everything they own; those who are there stay as they are.

    Each goes there in a transaction of their own. With Config.trash_days at 0 they are deleted for
    good. Returns how many were put there, or deleted at once.

    Raises:
        ValidationError: if `by` is one of the members, or if no active admin would be left.
    """
    users = list(users)
    if not current_config().trash_days:
        return delete_members(users=users, heir=by, reason=reason)
    now, ids = timezone.now(), [user.pk for user in users]
    with transaction.atomic():
        check_are_deletable(ids, by=by)
    done = 0
    for pk in ids:
        with transaction.atomic():
            check_are_deletable([pk], by=by)
            locked = User.objects.select_for_update(no_key=True).filter(pk=pk)
            member = locked.filter(trashed_at=None, deleting_since=None).first()
            if member is not None:
                _trash(member, by=by, at=now, reason=reason)
                if len(ids) == 1:  # a request does not move the videos of many
                    _move_batch(member)
                done += 1
    enqueue("videos.tasks.delete_marked_rows")
    return done


def trash_own_account(*, member: User) -> None:
    """Puts a member into the trash who wanted that themself; nobody put them there. In the caller's
    transaction, with the member locked. With Config.trash_days at 0 they are deleted for good, and
    the oldest other admin gets their categories.

    Raises: ValidationError if no active admin would be left.
    """
    if current_config().trash_days:
        _trash(member, by=None, at=timezone.now(), reason="")
        _move_batch(member)
        enqueue("videos.tasks.delete_marked_rows")
        return
    heir = User.objects.admins().exclude(pk=member.pk).order_by("created_at").first()
    if heir is None:
        raise ValidationError(NO_ADMIN_LEFT)
    delete_members(users=[member], heir=heir)


def _trash(member: User, *, by: User | None, at: datetime, reason: str) -> None:
    before = {"is_active": member.is_active, "is_trashed": False}
    member.was_active, member.is_active = member.is_active, False
    member.trashed_at, member.trashed_by, member.is_moving = at, by, True
    member.save(update_fields=["was_active", "is_active", "trashed_at", "trashed_by", "is_moving"])
    Session.objects.filter(user=member).delete()
    EmailChange.objects.filter(member=member).delete()
    record_about(member, "member.trash", reason=reason, before=before, after=TRASHED)


def restore_member(*, user: User, by: User) -> User:
    """Takes a member out of the trash with everything they own; one outside stays as they are.

    A member who was deactivated before is deactivated again.

    Raises:
        ValidationError: if `by` is no admin, or the member is being deleted for good.
        User.DoesNotExist: if the member is gone.
    """
    if not by.is_admin:
        raise ValidationError(ADMIN_RESTORES)
    with transaction.atomic():
        member = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if member.deleting_since is not None:
            raise ValidationError(BEING_DELETED)
        if member.trashed_at is not None:
            member.is_active, member.was_active, member.is_moving = member.was_active, True, True
            member.trashed_at = member.trashed_by = None
            member.save(
                update_fields=["was_active", "is_active", "trashed_at", "trashed_by", "is_moving"]
            )
            after = {"is_active": member.is_active, "is_trashed": False}
            record_about(member, "member.restore", before=TRASHED, after=after)
            _move_batch(member)
            enqueue("videos.tasks.delete_marked_rows")
    user.refresh_from_db()
    return user


def move_some_belongings() -> int:
    """Moves one batch of what is a member's after them. Called by a worker until it returns 0."""
    with transaction.atomic():
        moving = User.objects.select_for_update(no_key=True).filter(is_moving=True)
        member = moving.order_by("pk").first()
        if member is None:
            return 0
        _move_batch(member)
        return 1


def _move_batch(member: User) -> None:
    """Moves one batch of each kind, and notes when nothing is left. The member is locked."""
    is_left = [mover(member) for mover in _movers]
    if not any(is_left):
        User.objects.filter(pk=member.pk).update(is_moving=False)


def mark_expired_members(*, before: datetime) -> int:
    """Marks members for deletion who were put into the trash before that moment. A worker deletes
    them in batches. Returns how many.

    Their categories go to the admin who put them there. If that one is no admin any more, the
    oldest admin gets them; without any admin a member with categories stays.
    """
    expired = User.objects.filter(trashed_at__lt=before, deleting_since=None)
    if not expired.exists():
        return 0
    with transaction.atomic():
        marked = 0
        oldest = list(expired.order_by("trashed_at").values_list("pk", flat=True)[:MAX_EXPIRED])
        locked = expired.select_for_update(no_key=True).filter(pk__in=oldest)
        for member in locked.order_by("pk"):
            if (heir := _heir_of(member)) is not None:
                member.categories.update(created_by=heir)
            elif member.categories.exists():
                continue
            member.deleting_since, member.is_moving = timezone.now(), False
            member.save(update_fields=["deleting_since", "is_moving"])
            marked += 1
    return marked


def _heir_of(member: User) -> User | None:
    """The admin who gets the categories of an expired member."""
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    by = member.trashed_by_id
    return (admins.filter(pk=by).first() if by else None) or admins.order_by("created_at").first()


def is_anything_left_to_move(*, before: datetime) -> bool:
    """Whether a worker has to move belongings of a member, or to delete an expired one."""
    expired = Q(trashed_at__lt=before, deleting_since=None)
    return User.objects.filter(Q(is_moving=True) | expired).exists()
