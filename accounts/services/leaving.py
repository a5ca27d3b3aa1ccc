"""Members who delete their own account (decision 28).

For GRACE_DAYS nothing happens but that they are logged out: a log-in offers to keep the account.
Then a worker moves it into the trash, as an admin would.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Leaving, Session, User
from accounts.services.audit import record_about
from accounts.services.members import lock_with_admins
from accounts.services.security_notifications import tell_member
from accounts.services.trash import trash_own_account
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.services.heartbeat import alive_before

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

logger = logging.getLogger(__name__)

GRACE_DAYS: Final = 14
MAX_AT_ONCE: Final = 20
LAST_ADMIN: Final = (
    "You are the only admin who stays. Make someone else an admin first, then delete your account."
)


def leaving_of(user: User) -> Leaving | None:
    """Returns the member's wish to leave. One query."""
    return Leaving.objects.filter(member=user).first()


def leaves_at(leaving: Leaving) -> datetime:
    """Returns when the account goes at the earliest."""
    return leaving.requested_at + timedelta(days=GRACE_DAYS)


def check_may_leave(user: User) -> None:
    """Raises: ValidationError for the only admin who can log in and doesn't leave."""
    others = User.objects.admins().exclude(pk=user.pk).filter(leaving=None)
    if user.is_admin and not others.exists():
        raise ValidationError(LAST_ADMIN)


@transaction.atomic
def request_leaving(*, user: User) -> Leaving:
    """Begins the days of grace and ends all sessions of the member. Twice changes nothing.

    Raises: ValidationError for the only admin who can log in and doesn't leave.
    """
    lock_with_admins(user.pk)
    check_may_leave(user)
    leaving, is_new = Leaving.objects.get_or_create(member=user)
    Session.objects.filter(user=user).delete()
    if is_new:
        record_about(user, "member.leave", before={"is_leaving": False}, after={"is_leaving": True})
        text = (
            f"Your account will be deleted on {leaves_at(leaving):%-d %B %Y}, with everything that "
            "is yours. Log in before then to keep it."
        )
        tell_member(user=user, subject="Your account will be deleted", text=text)
    return leaving


@transaction.atomic
def keep_account(*, user: User) -> bool:
    """Takes back the member's wish to leave. Returns False if there is none."""
    lock_with_admins(user.pk)
    deleted, _ = Leaving.objects.filter(member=user).delete()
    if not deleted:
        return False
    record_about(user, "member.stay", before={"is_leaving": True}, after={"is_leaving": False})
    tell_member(user=user, subject="Your account stays", text="Your account won't be deleted.")
    return True


def trash_leaving_members() -> int:
    """Moves the accounts into the trash whose days of grace are over. Only days count on which the
    site ran, so that a wrong clock deletes nothing too early. Returns how many."""
    before = alive_before(days=GRACE_DAYS)
    due = Leaving.objects.filter(requested_at__lt=before).order_by("requested_at")
    members = list(due.values_list("member", flat=True)[:MAX_AT_ONCE])
    return sum(_trash(member, before) for member in members)


@transaction.atomic
def _trash(key: UUID, before: datetime) -> bool:
    """Returns whether the account was moved. It is not if the member has just taken their wish
    back, or if nobody would be left who can look after the site."""
    lock_with_admins(key)
    leaving = Leaving.objects.filter(member=key, requested_at__lt=before)
    member = User.objects.filter(pk=key).first()
    if member is None or not leaving.exists():
        return False
    if not User.objects.admins().exclude(pk=key).exists():
        logger.warning("The account of %s stays: no other admin would be left.", member)
        return False
    leaving.delete()
    if member.is_trashed or member.deleting_since is not None:
        return False
    # As if the member had done so now.
    actor = Actor(member.pk, member.username, Source.SITE, member.is_staff)
    with acting(lambda: actor):
        trash_own_account(member=member)
    return True
