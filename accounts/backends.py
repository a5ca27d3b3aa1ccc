"""Log-in by username or e-mail address, whatever the case."""

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

from accounts.models import User, normalize_email
from clipset.server.reach import was_forwarded

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

LONGEST = 254  # characters of an address; SQLite refuses to look for far longer ones


def find_by_login(login: str) -> User | None:
    """The member with this username or address. A username holds no @, so they never meet."""
    if "\x00" in login or len(login) > LONGEST:
        return None
    if "@" in login:
        return User.objects.filter(email=normalize_email(login)).first()
    return User.objects.named(login.strip()).first()


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
        failures = _failures(request, user, username)
        are_too_many = _are_too_many(failures)  # asked for an unknown name, too
        if user is None or are_too_many:
            # Takes as long as for a name that exists (Django's own way, ticket 20760).
            User().set_password(password)
            return None
        if user.check_password(password) and self._may_enter(user, request):
            failures.delete()
            return user
        return None

    def _may_enter(self, user: User, request: HttpRequest | None) -> bool:
        """For a sample member the log says why not; the page answers as to a wrong password."""
        if user.is_sample and settings.EXPOSED_BY:
            _log_refusal(user, f"others can reach this site ({', '.join(settings.EXPOSED_BY)})")
        elif user.is_sample and request is not None and was_forwarded(request.META):
            # No setting tells of this proxy or tunnel.
            _log_refusal(user, "the request came through a proxy")
            return False
        return user.can_log_in

    def user_can_authenticate(self, user: AbstractBaseUser | AnonymousUser | None) -> bool:
        """Asked by `get_user` for each request of a session."""
        return isinstance(user, User) and user.can_log_in


def _log_refusal(user: User, reason: str) -> None:
    logger.warning("Log-in of the sample member %s refused: %s.", user.username, reason)


def _failures(
    request: HttpRequest | None, user: User | None, typed: str
) -> QuerySet[AccessAttempt]:
    """What failed from this address under either of the member's names. axes counts each apart:
    whoever took turns had twice the attempts."""
    names = [user.username, user.email] if user is not None else [typed]
    attempts: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(
        username__in=[login_name(request, {"username": name}) for name in names],
        ip_address=client_address(request) if request is not None else None,
    )
    return attempts


def _are_too_many(failures: QuerySet[AccessAttempt]) -> bool:
    """The right password is called wrong then, and nothing tells so: an answer of its own would
    tell that two names belong to one member."""
    lately = failures.filter(attempt_time__gt=timezone.now() - get_cool_off())
    total = lately.aggregate(total=Sum("failures_since_start"))["total"] or 0
    return bool(total >= settings.AXES_FAILURE_LIMIT)


def client_address(request: HttpRequest) -> str:
    """The address that attempts are counted under: of IPv6 the network (/64), of which everybody
    has a whole one.

    Behind a proxy it is the last one in X-Forwarded-For, which the proxy itself wrote: what
    stands before it is the client's own word.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    for said in (forwarded.rpartition(",")[2].strip(), request.META.get("REMOTE_ADDR", "")):
        try:
            return _network(ip_address(said))
        except ValueError:
            continue
    return str(request.META.get("REMOTE_ADDR", ""))


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
