"""Telling members of log-ins on devices that they have not used before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import User
from accounts.selectors import device_name
from accounts.services.devices import cookie_name, known_device, remember_device
from accounts.services.security_notifications import tell_member
from accounts.sessions import SessionStore
from clipset.lib.ids import hash_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


def note_log_in(
    response: HttpResponseBase, *, request: HttpRequest, account: User, is_first: bool
) -> None:
    """Tells the member of a log-in on a device that their account has not used, and remembers it.

    Args:
        is_first: whether nobody has logged in to this account before. That is the member.
    """
    if not is_first and known_device(request, account) is None:
        device = device_name(request.headers.get("User-Agent", ""))
        moment = f"{timezone.now():%-d %B %Y, %H:%M} UTC"
        text = f"Someone logged in to your account on a new device: {device}, {moment}."
        tell_member(user=account, subject="A log-in on a new device", text=text)
    remember_device(response, account=account, request=request)


class RememberDevices:
    """Middleware that remembers the devices of sessions that began before devices were remembered,
    so that the next log-in there is not one on a new device. No query.

    The id follows from the session. Otherwise whoever has a stolen one could get any number of
    devices, and use up the tries of all devices of its member.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # Only if the view, or a middleware, has looked up the member anyway.
        member = request.user if hasattr(request, "_cached_user") else None
        has_cookie = cookie_name() in request.COOKIES or cookie_name() in response.cookies
        if isinstance(member, User) and not has_cookie:
            began = request.session.get(SessionStore.STARTED_AT, "")
            device = hash_token(f"device:{member.pk}:{began}")[:16]
            remember_device(response, account=member, request=request, device=device)
        return response
