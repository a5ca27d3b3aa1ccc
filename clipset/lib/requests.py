"""Requests as views see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    # django-stubs' name for AUTH_USER_MODEL: the type checker knows it, nothing imports an app.
    from django.contrib.auth.models import _User


class MemberRequest(HttpRequest):
    """A request behind the log-in requirement: `user` is a member, never AnonymousUser.

    For annotations only. Nothing makes one, and it is no check: LoginRequiredMiddleware is.
    """

    user: _User
