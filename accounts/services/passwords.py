"""Passwords that were forgotten."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User, normalize_email
from clipset.lib.queue import enqueue


def reset_link(user: User) -> str:
    """A link that lets its holder set this member's password: works once, for a day."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
    return f"{settings.SITE_URL}{path}"


def request_reset(email: str) -> None:
    """Hands the mail to a worker, for a known address and an unknown one alike, so that neither
    the answer nor its time tells who is a member."""
    enqueue("accounts.tasks.send_reset", normalize_email(email))


def send_reset(email: str) -> bool:
    """Mails the link, if an active member has this address. Returns whether a mail went out."""
    user = User.objects.filter(email=normalize_email(email), is_active=True).first()
    if user is None:
        return False
    context = {"user": user, "link": reset_link(user), "site_url": settings.SITE_URL}
    return bool(
        send_mail(
            render_to_string("accounts/email/password_reset_subject.txt", context).strip(),
            render_to_string("accounts/email/password_reset.txt", context),
            None,
            [user.email],
        )
    )
