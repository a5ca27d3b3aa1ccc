"""The contact for people who find a vulnerability (SECURITY_CONTACT)."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def contact_address() -> str:
    """Returns the contact as a URI for security.txt, such as "mailto:root@example.org".

    It is "" if none is set, or what is set is neither an e-mail address nor an https address.
    """
    text: str = settings.SECURITY_CONTACT
    mail = text.removeprefix("mailto:")
    try:
        validate_email(mail)
    except ValidationError:
        is_address = text.isprintable() and " " not in text
        return text if is_address and _is_https(text) else ""
    return f"mailto:{quote(mail, safe='@+')}"


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False
