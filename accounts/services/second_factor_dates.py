"""Who has a second factor, and until when staff without one have to set one up.

The date is a column of the member, so that no request needs a query for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import AuthenticatorApp, Passkey, User
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from siteconfig.models import Config


def has_second_factor(user: User) -> bool:
    """Returns whether a log-in asks for a second factor. One query."""
    apps = AuthenticatorApp.objects.filter(user=user).order_by().values("pk")
    return apps.union(Passkey.objects.filter(user=user).order_by().values("pk")).exists()


def follow_config(before: Config, after: Config) -> None:
    """Gives staff without a second factor a date, or takes it away, when the configuration changes.

    Called in the transaction of the change (siteconfig.services.config.register_follower).
    """
    if (before.staff_need_second_factor, before.second_factor_grace_days) == (
        after.staff_need_second_factor,
        after.second_factor_grace_days,
    ):
        return
    # The lock makes somebody who sets up a factor at this moment finish first.
    staff = User.objects.filter(is_staff=True).order_by("pk")
    list(staff.select_for_update(no_key=True).values_list("pk"))
    due: datetime | None = None
    if after.staff_need_second_factor:
        due = timezone.now() + timedelta(days=after.second_factor_grace_days)
    without = staff.filter(authenticator_apps=None, passkeys=None).values("pk")
    User.objects.filter(pk__in=without).update(second_factor_due_at=due)


def require_of_new_staff(*, user: User) -> None:
    """Sets or clears the date of a member whose role has just been set. For their transaction."""
    due = None
    user.refresh_from_db(fields=["second_factor_due_at"])  # the configuration may have set it
    if user.is_staff:
        config = current_config()
        if config.staff_need_second_factor and not has_second_factor(user):
            due = timezone.now() + timedelta(days=config.second_factor_grace_days)
    if user.is_staff and due is not None and user.second_factor_due_at is not None:
        return  # staff before as well: their date stays
    if due != user.second_factor_due_at:
        set_due_date(user, due)


def set_due_date(user: User, due: datetime | None) -> None:
    User.objects.filter(pk=user.pk).update(second_factor_due_at=due)
    user.second_factor_due_at = due


def is_overdue(user: User) -> bool:
    """Returns whether a member of staff gets only the page that sets up a second factor."""
    due = user.second_factor_due_at
    return due is not None and user.is_staff and due <= timezone.now()
