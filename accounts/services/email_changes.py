"""A member's change of their own e-mail address.

Whoever has the address can reset the password. So the new one counts only once the member has
opened a link sent to it, logged in as themselves: a mistyped address then gives nobody the account.
Without mail the change counts at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import EMAIL_TAKEN, EmailChange, User, normalize_email
from accounts.services.members import lock_member
from accounts.services.security_notifications import tell_member
from accounts.services.throttle import allow
from clipset.lib.ids import hash_token, new_token
from clipset.lib.refusals import RateLimitedError, RefusedError
from clipset.workers.task_queue import enqueue
from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from uuid import UUID

LIFETIME: Final = timedelta(hours=24)
REQUESTS, REQUESTS_WITHIN = 5, timedelta(hours=1)
TOO_MANY: Final = "Too many changes of address. Try again in an hour."
LINK_OVER: Final = "This link no longer works. Enter the address in your settings again."
ASKED: Final = (
    "Someone asked to change the e-mail address of your account. It changes once that is confirmed "
    "at the new address."
)
CHANGED: Final = "The e-mail address of your account was changed."


def request_change(*, user: User, email: str) -> bool:
    """Stores the address that the member wants, for which a worker sends a link. It replaces an
    earlier one. Without mail the address changes at once.

    Returns whether the member has to open a link.

    Raises:
        RateLimitedError: after REQUESTS requests within REQUESTS_WITHIN.
        ValidationError: if another member has the address.
    """
    email = normalize_email(email)
    if not allow("email change", str(user.pk), times=REQUESTS, within=REQUESTS_WITHIN):
        raise RateLimitedError(TOO_MANY, seconds=int(REQUESTS_WITHIN.total_seconds()))
    with transaction.atomic():
        lock_member(user.pk)
        if User.objects.filter(email=email).exclude(pk=user.pk).exists():
            raise ValidationError(EMAIL_TAKEN)
        EmailChange.objects.filter(member=user).delete()
        if not settings.MAIL_IS_CONFIGURED:
            _change(user, email)
            return False
        change = EmailChange.objects.create(
            member=user, email=email, password_mark=_password_mark(user)
        )
        tell_member(user=user, subject="Your e-mail address is about to change", text=ASKED)
        created = change.created_at.isoformat()
        enqueue("accounts.tasks.send_email_change", str(user.pk), created)
    return True


def send_link(*, member: UUID, created_at: datetime) -> bool:
    """Makes the link of a change and sends it to the new address. Called by a worker.

    Returns False if it was sent already, or if the change was replaced or taken back.
    """
    token = new_token()
    change = EmailChange.objects.select_related("member").filter(
        member=member, created_at=created_at, token_hash=None
    )
    found = change.first()
    if found is None or not change.update(token_hash=hash_token(token)):
        return False
    link = f"{site_url()}{reverse('settings_email_confirm', args=[token])}"
    context = {"user": found.member, "link": link, "site_url": site_url()}
    body = render_to_string("accounts/email/email_change.txt", context)
    return bool(send_mail("Confirm your e-mail address on Clipset", body, None, [found.email]))


def waiting_change(user: User) -> EmailChange | None:
    """Returns the member's change that waits for its link to be opened. One query."""
    change = EmailChange.objects.filter(member=user).first()
    return change if change is not None and _is_valid(change, user) else None


def find_change(*, user: User, token: str) -> EmailChange | None:
    """Returns the member's change with this token, unless its link is over. One query."""
    change = EmailChange.objects.filter(member=user, token_hash=hash_token(token)).first()
    return change if change is not None and _is_valid(change, user) else None


def confirm_change(*, user: User, token: str) -> User:
    """Gives the member the address to which the link with this token was sent.

    Raises:
        RefusedError: if the link is over (410), or another member has the address by now (422).
    """
    with transaction.atomic():
        lock_member(user.pk)
        current = User.objects.get(pk=user.pk)
        change = find_change(user=current, token=token)
        if change is None:
            raise RefusedError(LINK_OVER, status=410)
        try:
            with transaction.atomic():
                _change(current, change.email)
        except IntegrityError:
            raise RefusedError(EMAIL_TAKEN) from None
        change.delete()
    return current


def cancel_change(*, user: User) -> None:
    """Takes back the change that waits."""
    EmailChange.objects.filter(member=user).delete()


def forget_old_changes(*, before: datetime) -> int:
    """Deletes changes that were requested before that moment. Returns how many."""
    deleted, _ = EmailChange.objects.filter(created_at__lt=before).delete()
    return deleted


def _change(user: User, email: str) -> None:
    """Stores the address and tells the member at the old one. In the caller's transaction."""
    old = user.email
    User.objects.filter(pk=user.pk).update(email=email)
    user.email = email
    tell_member(user=user, subject="Your e-mail address was changed", text=CHANGED, address=old)


def _is_valid(change: EmailChange, user: User) -> bool:
    age = timezone.now() - change.created_at
    # A time in the future is one of a clock that was ahead.
    is_recent = -timedelta(minutes=1) <= age < LIFETIME
    return is_recent and constant_time_compare(change.password_mark, _password_mark(user))


def _password_mark(user: User) -> str:
    return hash_token(user.get_session_auth_hash())
