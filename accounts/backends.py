"""Log-in by username or e-mail address in any case."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser

from accounts.models import MAX_EMAIL_LENGTH, User, normalize_email
from accounts.services.tries import begin_log_in, note_right_try
from clipset.server.proxies import networks_of
from clipset.server.reach import was_forwarded

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

logger = logging.getLogger(__name__)


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


class UsernameOrEmailBackend(ModelBackend):
    """Authenticates by password, with the username or the e-mail address as the name."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Raises: TooManyTriesError, which the forms show."""
        if username is None or password is None:
            return None
        user = find_by_login(username)
        attempt = None
        if request is not None:  # else it is no visitor who guesses, but a command in a shell
            attempt = begin_log_in(name=username, account=user, request=request)
        if user is None or (request is not None and attempt is None):
            # Makes the answer take as long as for a name that exists (as Django's ticket 20760).
            User().set_password(password)
            return None
        if not user.check_password(password) or not self._may_enter(user, request):
            return None
        if attempt is not None:
            note_right_try(attempt)
        return user

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


def client_address(request: HttpRequest) -> str:
    """Returns the network under which a client is counted: an IPv4 address, or a /64 of IPv6.

    A single client usually has a whole /64. Behind a proxy it is the client's own, which
    clipset.server.proxies has put into REMOTE_ADDR.
    """
    networks = networks_of(request.META.get("REMOTE_ADDR", ""))
    return networks[max(networks)].partition("/")[0]
