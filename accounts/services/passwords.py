"""Password reset by e-mail or by a link that an admin hands over."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User, normalize_email
from accounts.services.audit import record_about
from accounts.services.security_notifications import tell_member
from accounts.services.throttle import allow
from clipset.lib.refusals import RateLimitedError
from clipset.workers.task_queue import enqueue
from siteconfig.services.address import site_url

MAIL_EVERY = timedelta(minutes=5)
# A stranger who asks again and again causes no more e-mails than that. Each link works for a day.
MAILS, MAILS_WITHIN = 10, timedelta(days=1)
REQUESTS, REQUESTS_WITHIN = 20, timedelta(hours=1)
STALE_AFTER = timedelta(hours=1)
# Each link opens an account, so an admin whose session was stolen must not get them in a row.
LINKS, LINKS_WITHIN = 10, timedelta(hours=1)
TOO_MANY_LINKS = (
    f"You've created {LINKS} password reset links in an hour. Try again later, or ask members to "
    "use “Forgot your password?”."
)
PASSWORD_CHANGED = "Your password was changed"  # noqa: S105 the subject of a mail
PASSWORD_CHANGED_TEXT = "The password of your account was changed."  # noqa: S105 as above


def reset_link(user: User) -> str:
    """Returns a link for setting this member's password. It works once, for 24 hours."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
    return f"{site_url()}{path}"


def store_password(*, user: User) -> None:
    """Stores the password that `user.set_password` has hashed, which takes too long for a
    transaction, and tells the member."""
    with transaction.atomic():
        user.save(update_fields=["password"])
        tell_member(user=user, subject=PASSWORD_CHANGED, text=PASSWORD_CHANGED_TEXT)


def create_reset_link(*, user: User, created_by: User) -> str:
    """Returns a link for an admin to hand over, and records that there is one.

    Raises: RateLimitedError after LINKS links of one admin within LINKS_WITHIN.
    """
    if not allow("reset link", str(created_by.pk), times=LINKS, within=LINKS_WITHIN):
        raise RateLimitedError(TOO_MANY_LINKS, seconds=int(LINKS_WITHIN.total_seconds()))
    record_about(user, "member.reset_link")
    return reset_link(user)


def request_reset(email: str, *, client: str) -> None:
    """Enqueues the e-mail with a reset link.

    This is done for a known address and an unknown one alike, so that neither the answer nor its
    time shows who is a member. A second request within MAIL_EVERY sends nothing, nor does one
    after MAILS within MAILS_WITHIN, and the answer does not show this either.

    Args:
        client: the network address of the client (backends.client_address).

    Raises: RateLimitedError after REQUESTS requests of a client within REQUESTS_WITHIN.
    """
    if not allow("reset from", client, times=REQUESTS, within=REQUESTS_WITHIN):
        raise RateLimitedError(
            "Too many requests. Try again in an hour.",
            seconds=int(REQUESTS_WITHIN.total_seconds()),
        )
    email = normalize_email(email)
    if allow("reset for", email, times=1, within=MAIL_EVERY) and allow(
        "resets for", email, times=MAILS, within=MAILS_WITHIN
    ):
        enqueue("accounts.tasks.send_reset", email, timezone.now().isoformat())


def send_reset(email: str, *, asked_at: datetime) -> bool:
    """E-mail a reset link if a member who can log in has this address.

    A request older than STALE_AFTER is dropped, so that workers that were stopped for a while do
    not send many outdated e-mails. Returns whether an e-mail was sent.
    """
    if timezone.now() - asked_at > STALE_AFTER:
        return False
    user = User.objects.able_to_log_in().filter(email=normalize_email(email)).first()
    if user is None:
        return False
    context = {"user": user, "link": reset_link(user), "site_url": site_url()}
    return bool(
        send_mail(
            render_to_string("accounts/email/password_reset_subject.txt", context).strip(),
            render_to_string("accounts/email/password_reset.txt", context),
            None,
            [user.email],
        )
    )
