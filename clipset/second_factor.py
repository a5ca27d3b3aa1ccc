"""Middleware that leads staff without a second factor, once their date is over, to the only page
they get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url

from accounts.services.second_factor_dates import is_overdue
from clipset.middleware import wants_script_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from clipset.middleware import GetResponse

# What is needed for setting one up, and for going away.
OPEN: Final = frozenset(
    {
        "second_factor",
        "second_factor_app",
        "second_factor_passkey",
        "second_factor_codes",
        "second_factor_edit",
        "second_factor_remove",
        "settings_confirm",
        "logout",
        "admin:logout",
        "admin:login",
    }
)
# Views without the requirement of a log-in that show members more than visitors.
CLOSED: Final = frozenset({"uploads", "one_upload", "readyz"})


class RequireSecondFactor:
    """Asks for no query: the date is a column of the member, who is loaded for each request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        _view_args: tuple[Any, ...],
        _view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        assert request.resolver_match is not None  # a view was found
        name = request.resolver_match.view_name
        is_for_visitors = not getattr(view_func, "login_required", True) and name not in CLOSED
        if is_for_visitors or name in OPEN or not request.user.is_authenticated:
            return None
        if not is_overdue(request.user):
            return None
        if wants_script_answer(request) or request.method not in {"GET", "HEAD"}:
            sentence = "Set up a second factor first, in your settings."
            response = HttpResponse(sentence, status=403, content_type="text/plain")
            response["HX-Redirect"] = resolve_url("second_factor")
            return response
        return redirect("second_factor")
