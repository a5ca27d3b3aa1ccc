"""What whoever has a guest's link sees: one video, and nothing that members have.

No view here looks at a log-in to decide what is seen, and none sets a cookie.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.backends import client_address
from clipset.lib.ids import hash_token
from clipset.lib.timestamps import parse_timestamp
from videos.access import visible_video
from videos.forms import WatchedForm
from videos.models import GuestLink, Video
from videos.selectors.guest_links import guest_page
from videos.services.guest_links import count_guest_view
from videos.services.watch_progress import is_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


def for_guests(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A members' view at a guest's address. A function of its own, so that at its members'
    address it goes on to need a log-in."""

    @login_not_required
    @wraps(view)
    def opened(request: HttpRequest, token: str, **address: str) -> HttpResponseBase:
        return view(request, token=token, **address)

    return opened


# media-chrome writes <style> into its shadow roots.
@login_not_required
@csp_update({"style-src": [UNSAFE_INLINE]})  # type: ignore[arg-type] # it has a token
@require_safe
def watch(request: HttpRequest, token: str) -> HttpResponse:
    """410 where the link is over, 404 where there is none or its video is not to be seen now."""
    video = Video.objects.opened_by(token).for_cards().first()
    if video is None:
        link = GuestLink.objects.filter(token_hash=hash_token(token)).first()
        is_over = link is not None and link.is_over
        return render(request, "videos/guest_links/closed.html", status=410 if is_over else 404)
    start = parse_timestamp(request.GET.get("t", "")) or 0
    page = guest_page(video, token=token, start=start)
    return render(request, "videos/guest_links/watch.html", {"guest": page})


@login_not_required
@require_safe
def status(request: HttpRequest, token: str) -> JsonResponse:
    """Whether it is still there, for the player when it gets no more of it."""
    video = visible_video(request, token=token)
    return JsonResponse({"status": video.processing_status, "watchable": True})


# Whoever can make a browser send this has the token, and may count a view themselves.
@csrf_exempt
@login_not_required
@require_POST
def view(request: HttpRequest, token: str) -> HttpResponse:
    """The player says how much was played; 422 for what no player says. The uploader's own views
    do not count."""
    video = visible_video(request, token=token)
    form = WatchedForm(request.POST)
    if not form.is_valid():
        return HttpResponse("This is no position.", status=422, content_type="text/plain")
    is_own = request.user.pk == video.uploaded_by_id
    if not is_own and is_view(video, form.cleaned_data["watched"]):
        count_guest_view(token=token, client=client_address(request))
    return HttpResponse(status=204)
