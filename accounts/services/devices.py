"""Devices from which a member has logged in before, known by a cookie.

Somebody who comes with such a cookie has their own count of wrong passwords. So nobody else can
delay their log-in by guessing. The cookie opens nothing by itself. Source: OWASP, "Slow Down Online
Guessing Attacks with Device Cookies".
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core import signing

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from accounts.models import User

SALT: Final = "accounts.devices"
MAX_AGE_SECONDS: Final = 400 * 24 * 3600  # browsers keep no cookie for longer
MAX_ACCOUNTS: Final = 5  # of one browser, which a household may share


def cookie_name() -> str:
    """With HTTPS the prefix makes browsers refuse a cookie that another site set (RFC 6265bis)."""
    return f"{'__Host-' if settings.SESSION_COOKIE_SECURE else ''}clipset_device"


def known_device(request: HttpRequest, account: User | None) -> str | None:
    """Returns the id of the device if this member logged in on it before, else None."""
    known = _read(request)
    return known.get(account.pk.hex) if account is not None else None


def remember_device(
    response: HttpResponseBase, *, account: User, request: HttpRequest, device: str = ""
) -> None:
    """Sets the cookie of a device on which a member has just proved who they are.

    Args:
        device: its id if it has no cookie of this member yet; by default a new one.
    """
    known = _read(request)
    device = known.pop(account.pk.hex, "") or device or secrets.token_hex(8)
    others = list(known.items())[: MAX_ACCOUNTS - 1]
    response.set_cookie(
        cookie_name(),
        signing.dumps([(account.pk.hex, device), *others], salt=SALT),
        max_age=MAX_AGE_SECONDS,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, str]:
    """Returns the ids of the device by the ids of members; empty without a cookie of ours."""
    try:
        found = signing.loads(
            request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=MAX_AGE_SECONDS
        )
    except signing.BadSignature:
        return {}
    return {str(account): str(device) for account, device in found}
