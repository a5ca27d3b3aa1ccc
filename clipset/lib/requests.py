"""Types and helpers for requests and responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase

if TYPE_CHECKING:
    # django-stubs' name for AUTH_USER_MODEL, so that this module imports no app.
    from django.contrib.auth.models import _User

_R = TypeVar("_R", bound=HttpResponseBase)


class MemberRequest(HttpRequest):
    """The type of a request whose `user` is a member, never AnonymousUser.

    For annotations only: no instances exist, and LoginRequiredMiddleware does the check.
    """

    user: _User


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx sent the request, so that a fragment is the answer."""
    return bool(getattr(request, "htmx", False))


def parameters_of_page(request: HttpRequest) -> QueryDict:
    """The parameters in the address of the page from which htmx sent the request."""
    address = getattr(getattr(request, "htmx", None), "current_url", None) or ""
    try:
        return QueryDict(urlsplit(address).query)
    except ValueError:  # no address
        return QueryDict()


def is_next_page(request: HttpRequest) -> bool:
    """Whether htmx asks for the rows behind a cursor, to append them to a list."""
    return is_htmx(request) and bool(request.GET.get("after"))


def with_headers(response: _R, headers: dict[str, str]) -> _R:
    """Adds headers to a response and returns it."""
    for name, value in headers.items():
        response[name] = value
    return response
