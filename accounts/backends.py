"""Log-in by username or e-mail address, whatever the case."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import User, normalize_email

if TYPE_CHECKING:
    from django.http import HttpRequest

LONGEST = 254  # characters of an address; SQLite refuses to look for far longer ones


def find_by_login(login: str) -> User | None:
    """The member with this username or address. A username holds no @, so they never meet."""
    if "\x00" in login or len(login) > LONGEST:
        return None
    if "@" in login:
        return User.objects.filter(email=normalize_email(login)).first()
    return User.objects.filter(username__iexact=login.strip()).first()


def login_name(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """The name that log-in attempts are counted under (django-axes)."""
    given = (credentials or {}).get("username") or (
        request.POST.get("username", "") if request is not None else ""
    )
    return str(given).strip().casefold().replace("\x00", "")[:150]


class UsernameOrEmailBackend(ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        user = find_by_login(username)
        if user is None:
            # Takes as long as for a name that exists (Django's own way, ticket 20760).
            User().set_password(password)
            return None
        if user.check_password(password) and self.user_can_authenticate(user):
            return user
        return None


def client_address(request: HttpRequest) -> str:
    """The address that log-in attempts are counted under (django-axes).

    Behind a proxy it is the last one in X-Forwarded-For, which the proxy itself wrote: what
    stands before it is the client's own word.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    try:
        return str(ip_address(forwarded.rpartition(",")[2].strip()))
    except ValueError:
        return str(request.META.get("REMOTE_ADDR", ""))
