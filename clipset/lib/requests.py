"""Requests as views see them, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

if TYPE_CHECKING:
    # django-stubs' name for AUTH_USER_MODEL: the type checker knows it, nothing imports an app.
    from django.contrib.auth.models import _User

_R = TypeVar("_R", bound=HttpResponseBase)


class MemberRequest(HttpRequest):
    """A request behind the log-in requirement: `user` is a member, never AnonymousUser.

    For annotations only. Nothing makes one, and it is no check: LoginRequiredMiddleware is.
    """

    user: _User


def with_headers(response: _R, headers: dict[str, str]) -> _R:
    """The same response with further headers."""
    for name, value in headers.items():
        response[name] = value
    return response
