"""Middleware for security headers and for the names of cookies."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError

from accounts.sessions import SessionStore
from clipset.security import CLEARED_AT_LOG_OUT, HEADERS_OF_ALL, HOST_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What a cookie of ours can contain.
COOKIE_VALUE: Final = re.compile(r"[A-Za-z0-9]{1,128}")
# How long a session is still found by the old cookie, from the first request on: a browser sends
# several at once, and an answer can be lost.
OLD_NAME_SECONDS: Final = 600


class SecurityHeaders:
    """Sets the headers that all responses have, and clears the browser's cache at a log-out."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS_OF_ALL.items():
            response.headers.setdefault(name, value)
        match = request.resolver_match
        is_log_out = match is not None and match.url_name == "logout"
        if is_log_out and request.method == "POST" and response.status_code < 400:
            response.headers["Clear-Site-Data"] = CLEARED_AT_LOG_OUT
        return response


class HostCookies:
    """Renames the cookies of browsers that logged in before the names had HOST_PREFIX, or before
    the site had HTTPS.

    A session that began under the new name is not found by the old one: another site below the same
    domain could plant a cookie of that name and so log somebody into its author's account.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        renamed = {}
        for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
            old = name.removeprefix(HOST_PREFIX)
            value = request.COOKIES.get(old, "")
            if old == name or name in request.COOKIES or not COOKIE_VALUE.fullmatch(value):
                continue
            if name == settings.CSRF_COOKIE_NAME or may_be_renamed(value):
                request.COOKIES[name] = renamed[name] = value
        response = self.get_response(request)
        for name, value in renamed.items():
            _rename(response, name, value)
        return response


def may_be_renamed(key: str) -> bool:
    """Returns whether the session with this key began under the old name, and notes that it is
    found by the new one."""
    session = SessionStore(key)
    since = session.get(SessionStore.RENAMED_AT)
    if since is None and not session.is_empty():
        session[SessionStore.RENAMED_AT] = int(time.time())
        with suppress(UpdateError):  # it was deleted meanwhile
            session.save()
        return True
    return since is not None and time.time() - since < OLD_NAME_SECONDS


def _rename(response: HttpResponseBase, name: str, value: str) -> None:
    """Sets the cookie by its new name, unless the response has set or deleted it, and deletes the
    old one."""
    is_session = name == settings.SESSION_COOKIE_NAME
    if name not in response.cookies:
        response.set_cookie(
            name,
            value,
            max_age=settings.SESSION_COOKIE_AGE if is_session else settings.CSRF_COOKIE_AGE,
            secure=True,
            httponly=True,
            samesite="Lax",
        )
    response.delete_cookie(name.removeprefix(HOST_PREFIX), samesite="Lax")
