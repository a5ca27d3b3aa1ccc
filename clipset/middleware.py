"""Middleware for all requests. The order is set in clipset.settings.MIDDLEWARE."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.db import IntegrityError
from django.http import HttpResponse, UnreadablePostError
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.backends import client_address
from accounts.models import User
from accounts.sessions import SessionStore
from clipset.database.transactions import name_work
from clipset.lib.disk import is_disk_away
from clipset.lib.pictures import MAX_BYTES
from clipset.lib.request_id import HEADER, new_request_id, set_request_id
from clipset.lib.units import human_bytes
from clipset.server.drain import drain
from clipset.server.form_files import MAX_FORM_BYTES
from clipset.server.sockets import connection_of
from clipset.ui.errors import storage_away
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.roots import RootUnavailableError, is_available
from videos.selectors.transfers import cut_when_lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django_htmx.middleware import HtmxDetails

    GetResponse = Callable[[HttpRequest], HttpResponseBase]

logger = logging.getLogger(__name__)

SEEN_EVERY = timedelta(hours=1)
MOVED_EVERY = timedelta(minutes=1)  # if the address is another one
# The body of a refused request is read until the client pauses for DRAIN_PATIENCE_SECONDS, for at
# most DRAIN_SECONDS.
DRAIN_PATIENCE_SECONDS = 2.0
DRAIN_SECONDS = 10.0


class RequestIds:
    """Gives each request an id and names it for the log of long transactions.

    The id is in the response's header, on error pages, in log lines, and in the tasks and jobs that
    the request creates. The name is for clipset.database.transactions.

    The id is not reset after the request: the server logs the request later, in the same thread,
    and the next request in that thread sets its own.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = new_request_id()
        set_request_id(request_id)
        name_work(f"{request.method} {request.path}")
        response = self.get_response(request)
        response[HEADER] = request_id
        return response


class DrainRefusedBody:
    """Reads and discards the rest of a body that no view read, after the response is sent.

    Otherwise the server would close the connection while the client still sends, and the client
    would see a broken connection instead of the response (RFC 9112, section 9.6). It happens after
    the response, so that a client that waits for the response before it sends gets one, too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method in {"POST", "PUT", "PATCH"} and response.status_code >= 300:
            close = response.close

            def close_and_drain() -> None:
                close()
                drain_request(request)

            response.close = close_and_drain  # type: ignore[method-assign]
        return response


def drain_request(request: HttpRequest) -> None:
    """Reads and discards the rest of the body, for at most DRAIN_SECONDS.

    A body that a view read through request.body is read from memory, which costs nothing. The
    connection bounds the time: gunicorn's read returns only when it has all bytes asked for,
    however slowly they arrive.
    """
    connection = connection_of(request)
    if connection is not None:
        connection.limit_patience(patience=DRAIN_PATIENCE_SECONDS, seconds=DRAIN_SECONDS)
    drain(request.read, seconds=DRAIN_SECONDS)


class RefuseBrokenBody:
    """Responds 408 if the client stopped in the middle of the body, whatever the view returned."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        connection = connection_of(request)
        # A response of 408 comes from a view that handles broken bodies itself.
        if connection is not None and connection.has_stalled and response.status_code != 408:
            return broken_body()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """408 instead of an error in the log: the client went away."""
        return broken_body() if isinstance(exception, UnreadablePostError) else None


def broken_body() -> HttpResponse:
    sentence = "The upload was interrupted. Try again."
    return HttpResponse(sentence, status=408, content_type="text/plain")


class RefuseLargeBody:
    """Responds 413 to a body that is larger than any form of the site, without reading it.

    Uploads of videos have their own limits. A body without Content-Length counts as empty, since
    Django reads only as many bytes as that header states.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _length(request) > MAX_FORM_BYTES and not _takes_videos(request.path_info):
            sentence = f"Too large. The limit is {human_bytes(MAX_BYTES)}."
            return HttpResponse(sentence, status=413, content_type="text/plain")
        return self.get_response(request)


def _takes_videos(path: str) -> bool:
    """Whether an address receives videos: the plain form and tus."""
    return path == reverse("upload") or path.startswith(reverse("uploads"))


def _length(request: HttpRequest) -> int:
    """Content-Length in bytes; 0 if it is missing or no number, as Django treats it."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class NameActor:
    """Makes the member of a request the actor of what is logged in the audit log."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting(lambda: _actor_of(request)):
            return self.get_response(request)


def _actor_of(request: HttpRequest) -> Actor | None:
    user = request.user
    if not user.is_authenticated:
        return None
    source = Source.ADMIN if request.path_info.startswith(reverse("admin:index")) else Source.SITE
    return Actor(user.pk, user.username, source, user.is_staff, client_address(request))


class MembersOnly(LoginRequiredMiddleware):
    """Requires a log-in for every page whose view is not marked @login_not_required.

    Pages redirect to the log-in page; scripts, which can't follow that, get 401. Also notes in the
    session when, and on which device, it was last used.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if request.user.is_authenticated:
            note_use(request)
        return super().process_view(request, view_func, view_args, view_kwargs)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Files and other long responses end soon after the right to them."""
        if response.streaming:
            cut_when_lost(request, response)
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """The way to the log-in for a member who was deleted for good during the request: what it
        wrote names a row that is gone."""
        if not isinstance(exception, IntegrityError) or not request.user.is_authenticated:
            return None
        if User.objects.filter(pk=request.user.pk).exists():
            return None
        assert request.resolver_match is not None  # a view raised it
        return self.handle_no_permission(request, request.resolver_match.func)

    def handle_no_permission(  # type: ignore[override] # a 401, too
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        if wants_script_answer(request):
            return refuse_script(request)
        return super().handle_no_permission(request, view_func)


def refuse_script(request: HttpRequest) -> HttpResponse:
    """401 for a request by a script or htmx without a log-in. htmx follows HX-Redirect."""
    response = HttpResponse("Log in first.", status=401, content_type="text/plain")
    response["HX-Redirect"] = log_in_and_back(request)
    return response


def log_in_and_back(request: HttpRequest) -> str:
    """The address of the log-in page, with a `next` that leads back to the page htmx runs on.

    The browser names that page in a header. Only an address within this site is accepted.
    """
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    login = resolve_url("login")
    try:
        page = (htmx and htmx.current_url_abs_path) or ""
    except ValueError:  # the header holds no valid address
        return login
    if not page.startswith("/") or not url_has_allowed_host_and_scheme(page, allowed_hosts=None):
        return login
    return redirect_to_login(page, login).url


def wants_script_answer(request: HttpRequest) -> bool:
    """Whether the request comes from htmx or a script, rather than from opening a page."""
    accept = request.headers.get("Accept", "")
    return bool(getattr(request, "htmx", False)) or accept.startswith("application/json")


def note_use(request: HttpRequest) -> None:
    """Notes in the session when, on which device and from where it was used: at most once an hour,
    or once a minute while the address changes."""
    session, now, address = request.session, timezone.now(), client_address(request)
    has_moved = session.get(SessionStore.ADDRESS) != address
    seen = session.get(SessionStore.SEEN_AT)
    often = MOVED_EVERY if has_moved else SEEN_EVERY
    if seen and abs(now - datetime.fromisoformat(seen)) < often:
        return
    assert isinstance(session, SessionStore)  # SESSION_ENGINE
    agent = request.headers.get("User-Agent", "")[:300]
    session.note_use(now=now, user_agent=agent, address=address)


class CompressPages(GZipMiddleware):
    """Compresses HTML pages with gzip, padded so that the length reveals nothing.

    The reason is in docs/decisions/0011. Other content stays as it is: compressed videos would have
    no known length and be no smaller.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_page = response.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page:
            return response
        return super().process_response(request, response)


class StorageAway:
    """Responds 503 if a view needs a storage root that is unavailable or a disk that is broken.

    Not 404, since no file is known to be lost. Logs one line without a trace.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not is_disk_away(exception):
            return None
        # A root without its marker is already logged, once, by is_available.
        if not isinstance(exception, RootUnavailableError) or is_available(exception.name):
            logger.warning("%s answered 503: %s", request.path, exception)
        return storage_away(request)


class PrivatePages:
    """Forbids browsers and proxies to cache a page, unless its view says otherwise."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class SecretAddresses:
    """Protects addresses that contain a guest link's token, whatever the response is.

    No browser or proxy caches the response, no other site gets the address as a referrer, and no
    search engine lists it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith("/s/"):
            response["Cache-Control"] = "private, no-store"
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
        return response
