"""Error pages.

They are made without the request: a context processor could ask the session or the database, and
Django's own handlers look for a CSRF token in the body, which may be what cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from django.template.loader import render_to_string

from siteconfig.roots import AWAY, RETRY_AFTER_SECONDS

if TYPE_CHECKING:
    from django.http import HttpRequest

# When not even the template can be had.
LAST_RESORT: Final = (
    '<!doctype html><html lang="en"><title>Something broke</title>'
    "<h1>Something broke on our side</h1><p>Try again in a minute.</p></html>"
)


def bad_request(
    request: HttpRequest,  # noqa: ARG001
    exception: Exception | None = None,
) -> HttpResponse:
    """400, or 413 for a form whose fields are too large. A body that was cut short or garbled
    comes here too."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    return _page(status)


def permission_denied(
    request: HttpRequest,  # noqa: ARG001
    exception: Exception | None = None,  # noqa: ARG001
) -> HttpResponse:
    return _page(403)


def page_not_found(
    request: HttpRequest,  # noqa: ARG001
    exception: Exception | None = None,  # noqa: ARG001
) -> HttpResponse:
    return _page(404)


def storage_away(*, as_text: bool) -> HttpResponse:
    """503 while a storage root is away; plain text for scripts."""
    text = HttpResponse(AWAY, content_type="text/plain", status=503)
    response = text if as_text else _page(503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    try:
        return _page(500)
    except Exception:  # what broke first is in the log already, with its trace
        return HttpResponse(LAST_RESORT, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return _page(403, "403_csrf.html")


def _page(status: int, template: str = "") -> HttpResponse:
    return HttpResponse(render_to_string(template or f"{status}.html"), status=status)
