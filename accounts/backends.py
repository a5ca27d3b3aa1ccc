"""Log-in by username or e-mail address, whatever the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User, normalize_email

if TYPE_CHECKING:
    from django.http import HttpRequest


def find_by_login(login: str) -> User | None:
    """The member with this username or address. A username holds no @, so they never meet."""
    if "\x00" in login:
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
