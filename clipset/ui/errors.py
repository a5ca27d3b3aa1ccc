"""Error pages.

They are rendered without the request. A context processor could need the session or the database,
and Django's own handlers look for a CSRF token in the body, which may be unreadable. Each page
shows the request's id, which leads to its lines in the logs.

`server_error` is the only place that turns a busy, full or missing database into a 503 or 507:
Django calls it for every exception of a view or a middleware.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from clipset.lib.request_id import current_request_id
from clipset.lib.unavailable import STORAGE_AWAY, Unavailable, why_unavailable
from clipset.ui.kept_form import kept_form
from videos.tus.types import VERSION

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

# For the case that the template cannot be rendered either.
LAST_RESORT: Final = (
    '<!doctype html><html lang="en"><title>Something broke</title>'
    "<h1>Something went wrong</h1><p>Try again in a minute.</p><p>Request: {}</p></html>"
)


def bad_request(
    request: HttpRequest,  # noqa: ARG001
    exception: Exception | None = None,
) -> HttpResponse:
    """400, also for a truncated or garbled body, or 413 for a form whose fields are too large."""
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


def storage_away(request: HttpRequest) -> HttpResponse:
    """503 while a storage root is unavailable, in the format that the client reads."""
    return service_unavailable(request, STORAGE_AWAY)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 or 507 if the exception being handled is temporary."""
    error = sys.exc_info()[1]
    unavailable = why_unavailable(error) if error is not None else None
    try:
        if unavailable is not None:
            return service_unavailable(request, unavailable)
        return _page(500)
    except Exception:  # Django logs the first exception
        logger.exception("the error page could not be rendered")
        status = 503 if unavailable is not None else 500
        return HttpResponse(LAST_RESORT.format(current_request_id()), status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return _page(403, "403_csrf.html")


def service_unavailable(request: HttpRequest, why: Unavailable) -> HttpResponse:
    """507 for an upload on a full disk, else 503, in the format that the client reads.

    That is JSON, plain text for htmx and tus, or a page from which the form can be sent again.
    """
    status = 507 if why.is_full and _is_upload(request) else 503
    response: HttpResponse
    if request.headers.get("Accept", "").startswith("application/json"):
        response = JsonResponse({"error": why.sentence}, status=status)
    elif _is_tus(request) or request.headers.get("HX-Request") == "true":
        response = HttpResponse(why.sentence, status=status, content_type="text/plain")
    else:
        kept = kept_form(request)
        response = _page(status, "503.html", sentence=why.sentence, kept=kept)
    response["Retry-After"] = str(why.retry_after)
    if _is_tus(request):
        response["Tus-Resumable"] = VERSION
    add_never_cache_headers(response)  # the middleware PrivatePages may not have run
    return response


def _is_tus(request: HttpRequest) -> bool:
    return "Tus-Resumable" in request.headers


def _is_upload(request: HttpRequest) -> bool:
    """Whether the request stores a video, or a file in a form that was read."""
    if _is_tus(request) or request.path_info == reverse("upload"):
        return True
    return hasattr(request, "_files") and bool(request.FILES)


def _page(status: int, template: str = "", **context: object) -> HttpResponse:
    context["request_id"] = current_request_id()
    page = render_to_string(template or f"{status}.html", context)
    return HttpResponse(page, status=status)
