"""What every request passes."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from accounts.sessions import SessionStore
from clipset.lib.drain import drain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    GetResponse = Callable[[HttpRequest], HttpResponseBase]

SEEN_EVERY = timedelta(hours=1)
# How long a refused client may be silent before no more of its body is waited for.
SILENCE = timedelta(seconds=2)


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
    """What a view read through request.body is drained from memory, which costs nothing."""
    socket = request.META.get("gunicorn.socket")
    if socket is None:
        drain(request.read)
        return
    before = socket.gettimeout()
    socket.settimeout(SILENCE.total_seconds())
    drain(request.read)
    with suppress(OSError):  # the client has closed it
        socket.settimeout(before)


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
            response = HttpResponse("Log in first.", status=401, content_type="text/plain")
            response["HX-Redirect"] = resolve_url("login")
            return response
        return super().handle_no_permission(request, view_func)


def wants_script_answer(request: HttpRequest) -> bool:
    """Whether htmx or a script asks, rather than a person's browser going to a page."""
    accept = request.headers.get("Accept", "")
    return bool(getattr(request, "htmx", False)) or accept.startswith("application/json")


def note_use(request: HttpRequest) -> None:
    """Once an hour: this session was used now, on this device."""
    session, now = request.session, timezone.now()
    seen = session.get(SessionStore.SEEN_AT)
    if seen and now - datetime.fromisoformat(seen) < SEEN_EVERY:
        return
    session.setdefault(SessionStore.STARTED_AT, now.isoformat())
    session[SessionStore.USER_AGENT] = request.headers.get("User-Agent", "")[:300]
    session[SessionStore.SEEN_AT] = now.isoformat()


class PrivatePages:
    """Pages are for this person at this moment: no browser or proxy keeps them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
