"""The mail to a member whose second factor was reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.models import User
from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from uuid import UUID


def send_reset_note(user_id: UUID) -> bool:
    """Returns whether a mail was sent. Without mail configured, the audit log has it alone."""
    user = User.objects.filter(pk=user_id).first()
    if user is None or not settings.MAIL_IS_CONFIGURED:
        return False
    context = {"user": user, "site_url": site_url()}
    return bool(
        send_mail(
            render_to_string("accounts/email/second_factor_reset_subject.txt", context).strip(),
            render_to_string("accounts/email/second_factor_reset.txt", context),
            None,
            [user.email],
        )
    )
