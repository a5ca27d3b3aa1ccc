"""Answers for refused requests: the one place that maps a `RefusedError` to a response."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string

from clipset.lib.refusals import RefusedError
from clipset.lib.request_id import current_request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class AnswerRefusals:
    """Middleware that answers a `RefusedError` which a view did not catch."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Returns None for every other exception."""
        return refused(request, exception) if isinstance(exception, RefusedError) else None


def refused(request: HttpRequest, error: RefusedError) -> HttpResponse:
    """The sentence in the form that the client reads.

    JSON (`{"error": sentence}`) for scripts, a page for a browser that opens an address, and plain
    text for everything else: htmx shows it as a toast, and players ignore it.
    """
    accept = request.headers.get("Accept", "")
    response: HttpResponse
    if accept.startswith("application/json"):
        response = JsonResponse({"error": error.sentence}, status=error.status)
    elif "text/html" in accept and not getattr(request, "htmx", False):
        context = {"sentence": error.sentence, "request_id": current_request_id()}
        response = HttpResponse(render_to_string("refused.html", context), status=error.status)
    else:
        response = HttpResponse(error.sentence, status=error.status, content_type="text/plain")
    for name, value in error.headers.items():
        response[name] = value
    return response


def refused_in_form(request: HttpRequest, error: RefusedError, page: HttpResponse) -> HttpResponse:
    """The page of a form that shows the sentence already; for htmx and scripts, as `refused`."""
    accept = request.headers.get("Accept", "")
    if getattr(request, "htmx", False) or accept.startswith("application/json"):
        return refused(request, error)
    page.status_code = error.status
    for name, value in error.headers.items():
        page[name] = value
    return page


@contextmanager
def errors_as_messages(request: HttpRequest) -> Iterator[None]:
    """Turns a `ValidationError` into an error message that the next page shows."""
    try:
        yield
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
