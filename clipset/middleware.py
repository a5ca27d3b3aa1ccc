"""What every request passes."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, UnreadablePostError
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.sessions import SessionStore
from clipset.database.transactions import name_work
from clipset.lib.disk import is_disk_away
from clipset.lib.pictures import MAX_BYTES
from clipset.lib.request_id import HEADER, new_request_id, set_request_id
from clipset.lib.units import human_bytes
from clipset.server.drain import drain
from clipset.server.form_files import LARGEST_FORM
from clipset.server.sockets import connection_of
from clipset.ui.errors import storage_away
from siteconfig.roots import RootUnavailableError, is_available

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django_htmx.middleware import HtmxDetails

    GetResponse = Callable[[HttpRequest], HttpResponseBase]

logger = logging.getLogger(__name__)

SEEN_EVERY = timedelta(hours=1)
# How long a refused client may be silent before no more of its body is waited for, and how long
# it may go on.
SILENCE = timedelta(seconds=2)
DRAIN_FOR = timedelta(seconds=10)


class RequestIds:
    """Gives each request an id: in the answer's header, on error pages, in log lines, and in the
    tasks and jobs that the request creates. Names it for the log of long transactions
    (clipset.database.transactions).

    It is not taken back at the end: the server's own lines about the request come after it, in
    the same thread, and the next request there sets its own.
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
    """Once the answer is sent, reads and throws away what still comes of a body that no view read.

    Otherwise the server closes the connection on a client that is still sending, which then sees
    a broken connection rather than the answer (RFC 9112, section 9.6). After the answer, so that
    a client which waits for it before it sends anything gets it, too.
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
    """What a view read through request.body is drained from memory, which costs nothing.

    The time is bounded by the connection: one read of the server's goes on until it has all that
    was asked for, however slowly that comes.
    """
    connection = connection_of(request)
    if connection is not None:
        connection.hurry(patience=SILENCE.total_seconds(), seconds=DRAIN_FOR.total_seconds())
    drain(request.read, seconds=DRAIN_FOR.total_seconds())


class RefuseBrokenBody:
    """408 where the body stopped coming, whatever the view made of the half that it got."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        connection = connection_of(request)
        # A view that dealt with it has said so itself.
        if connection is not None and connection.has_stalled and response.status_code != 408:
            return broken_body()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Nothing of ours is wrong when a client goes away."""
        return broken_body() if isinstance(exception, UnreadablePostError) else None


def broken_body() -> HttpResponse:
    sentence = "The upload was interrupted. Try again."
    return HttpResponse(sentence, status=408, content_type="text/plain")


class RefuseLargeBody:
    """413 for what is larger than any form of the site, before a byte of it is read.

    The upload of videos has limits of its own. A body that does not say how long it is is taken
    for empty: Django reads as far as Content-Length says.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _length(request) > LARGEST_FORM and not _takes_videos(request.path_info):
            sentence = f"Too large. The limit is {human_bytes(MAX_BYTES)}."
            return HttpResponse(sentence, status=413, content_type="text/plain")
        return self.get_response(request)


def _takes_videos(path: str) -> bool:
    """The plain form, and what is sent by tus."""
    return path == reverse("upload") or path.startswith(reverse("uploads"))


def _length(request: HttpRequest) -> int:
    """Bytes; 0 where it is not said or no number, as Django takes it."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class MembersOnly(LoginRequiredMiddleware):
    """Every page needs a log-in unless its view says @login_not_required.

    Pages redirect to the log-in; scripts, which can't follow that, get 401. Notes in the session
    on which device and when it was last used.
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

    def handle_no_permission(  # type: ignore[override] # a 401, too
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        if wants_script_answer(request):
            return refuse_script(request)
        return super().handle_no_permission(request, view_func)


def refuse_script(request: HttpRequest) -> HttpResponse:
    """401 for a script or htmx that is not logged in."""
    response = HttpResponse("Log in first.", status=401, content_type="text/plain")
    response["HX-Redirect"] = log_in_and_back(request)
    return response


def log_in_and_back(request: HttpRequest) -> str:
    """The address of the log-in that leads back to the page on which htmx is: the browser says
    which, and only what lies within this site is taken from it."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    login = resolve_url("login")
    try:
        page = (htmx and htmx.current_url_abs_path) or ""
    except ValueError:  # no address at all
        return login
    if not page.startswith("/") or not url_has_allowed_host_and_scheme(page, allowed_hosts=None):
        return login
    return redirect_to_login(page, login).url


def wants_script_answer(request: HttpRequest) -> bool:
    """Whether htmx or a script asks, rather than a person's browser going to a page."""
    accept = request.headers.get("Accept", "")
    return bool(getattr(request, "htmx", False)) or accept.startswith("application/json")


def note_use(request: HttpRequest) -> None:
    """Once an hour: this session was used now, on this device."""
    session, now = request.session, timezone.now()
    seen = session.get(SessionStore.SEEN_AT)
    if seen and abs(now - datetime.fromisoformat(seen)) < SEEN_EVERY:
        return
    assert isinstance(session, SessionStore)  # SESSION_ENGINE
    session.note_use(now=now, user_agent=request.headers.get("User-Agent", "")[:300])


class CompressPages(GZipMiddleware):
    """Pages are sent by gzip, with a length that says nothing (docs/decisions/0011). All else keeps
    its bytes: videos would lose their length and gain nothing."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_page = response.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page:
            return response
        return super().process_response(request, response)


class StorageAway:
    """503 for what needs a storage root that is not available, or a disk that is broken. Nothing
    is missing there for good, so that it must not be a 404. One line in the log, no trace."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not is_disk_away(exception):
            return None
        # That of a root without its marker is logged once by is_available.
        if not isinstance(exception, RootUnavailableError) or is_available(exception.name):
            logger.warning("%s answered 503: %s", request.path, exception)
        return storage_away(request)


class PrivatePages:
    """Pages are for this person at this moment: no browser or proxy keeps them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class SecretAddresses:
    """An address that carries a guest's token stays between the guest and us, whatever answers it:
    no browser or proxy keeps it, no other site is told of it, no search engine lists it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith("/s/"):
            response["Cache-Control"] = "private, no-store"
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
        return response
