"""Log-in by username or e-mail address in any case, and the counting of failed attempts."""

from __future__ import annotations

import logging
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Sum
from django.utils import timezone

from accounts.models import MAX_EMAIL_LENGTH, User, normalize_email
from clipset.server.reach import was_forwarded

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

# Characters of a typed name that attempts are counted under. django-axes has room for 255.
MAX_LOGIN_NAME_LENGTH = 150


def find_by_login(login: str) -> User | None:
    """Returns the member with this username or e-mail address.

    The two cannot be confused, because a username contains no @.
    """
    # A longer text matches nobody, and SQLite fails on a far longer one.
    if "\x00" in login or len(login) > MAX_EMAIL_LENGTH:
        return None
    if "@" in login:
        return User.objects.filter(email=normalize_email(login)).first()
    return User.objects.named(login.strip()).first()


def login_name(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """Returns the name under which log-in attempts are counted (AXES_USERNAME_CALLABLE)."""
    typed = (credentials or {}).get("username") or (
        request.POST.get("username", "") if request is not None else ""
    )
    return str(typed).strip().casefold().replace("\x00", "")[:MAX_LOGIN_NAME_LENGTH]


class UsernameOrEmailBackend(ModelBackend):
    """Authenticates by password, with the username or the e-mail address as the name."""

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
        failures = _failures(request, user, username)
        are_too_many = _are_too_many(failures)  # also queried for an unknown name
        if user is None or are_too_many:
            # Makes the answer take as long as for a name that exists (as Django's ticket 20760).
            User().set_password(password)
            return None
        if user.check_password(password) and self._may_enter(user, request):
            failures.delete()
            return user
        return None

    def _may_enter(self, user: User, request: HttpRequest | None) -> bool:
        """Returns whether a member with the right password may log in.

        If a sample member may not, the log says why. The page says the same as for a wrong
        password.
        """
        if user.is_sample and settings.EXPOSED_BY:
            _log_refusal(user, f"others can reach this site ({', '.join(settings.EXPOSED_BY)})")
        elif user.is_sample and request is not None and was_forwarded(request.META):
            # There is a proxy or tunnel that no setting mentions.
            _log_refusal(user, "the request came through a proxy")
            return False
        return user.can_log_in

    def user_can_authenticate(self, user: AbstractBaseUser | AnonymousUser | None) -> bool:
        """Returns whether a session may continue. Called by `get_user` in each of its requests."""
        return isinstance(user, User) and user.can_log_in


def _log_refusal(user: User, reason: str) -> None:
    logger.warning("Log-in of the sample member %s refused: %s.", user.username, reason)


def _failures(
    request: HttpRequest | None, user: User | None, typed: str
) -> QuerySet[AccessAttempt]:
    """Returns the failed attempts from this client under the member's username or e-mail address.

    django-axes counts the two separately. An attacker who alternated between them would have twice
    the attempts.
    """
    names = [user.username, user.email] if user is not None else [typed]
    attempts: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(
        username__in=[login_name(request, {"username": name}) for name in names],
        ip_address=client_address(request) if request is not None else None,
    )
    return attempts


def _are_too_many(failures: QuerySet[AccessAttempt]) -> bool:
    """Returns whether the failures reach AXES_FAILURE_LIMIT within the cool-off time.

    The right password is then refused like a wrong one. An answer of its own would show that the
    two names belong to the same member.
    """
    recent = failures.filter(attempt_time__gt=timezone.now() - get_cool_off())
    total = recent.aggregate(total=Sum("failures_since_start"))["total"] or 0
    return bool(total >= settings.AXES_FAILURE_LIMIT)


def client_address(request: HttpRequest) -> str:
    """Returns the network address under which a client's attempts are counted.

    For IPv6 it is the /64 network, since a single client usually has a whole one. Behind a proxy it
    is the last address in X-Forwarded-For, which the proxy itself wrote; the client can choose the
    ones before it.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    for text in (forwarded.rpartition(",")[2].strip(), request.META.get("REMOTE_ADDR", "")):
        try:
            return _network(ip_address(text))
        except ValueError:
            continue
    return str(request.META.get("REMOTE_ADDR", ""))


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
