"""Telling members what happened to their account, so that they learn of it if it was not them.

By e-mail if mail is configured, otherwise by a notification on the site, which an app above this
one stores. Also by a notification if the mail can't be sent.
"""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.models import User
from clipset.workers.task_queue import enqueue
from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

logger = logging.getLogger(__name__)

_notifiers: Final[list[Callable[[User, str], None]]] = []


def register_notifier(notifier: Callable[[User, str], None]) -> None:
    """Registers a function that stores a notification for a member: a text of some sentences."""
    _notifiers.append(notifier)


def tell_member(*, user: User, subject: str, text: str, address: str = "") -> None:
    """Tells a member what happened to their account. Call it in the transaction of the change.

    Args:
        subject: of the mail, such as "Your password was changed".
        text: sentences that say what happened. What to do if it was somebody else, and the link to
            a new password, are added to the mail.
        address: where to send the mail; by default the member's present address.
    """
    if settings.MAIL_IS_CONFIGURED:
        to = address or user.email
        enqueue("accounts.tasks.send_security_mail", str(user.pk), to, subject, text)
    else:
        _notify(user, text)


def send_security_mail(*, member: UUID, address: str, subject: str, text: str) -> bool:
    """Sends the mail of `tell_member`, or notifies the member if that fails. Called by a worker.

    Returns whether the mail was sent. A member who is gone is told, too: their address is known.
    """
    user = User.objects.filter(pk=member).first()
    name = user.username if user else ""
    context = {"name": name, "text": text, "site_url": site_url()}
    try:
        body = render_to_string("accounts/email/security.txt", context)
        return bool(send_mail(subject, body, None, [address]))
    except (OSError, SMTPException):
        logger.exception("A mail about the security of an account could not be sent.")
        if user is not None:
            _notify(user, text)
        return False


def _notify(user: User, text: str) -> None:
    for notifier in _notifiers:
        notifier(user, text)
