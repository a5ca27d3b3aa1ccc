"""The page behind a guest link: one video, and nothing else of the site.

No view here looks at the log-in to decide what is shown, and none sets a cookie.
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
from clipset.lib.refusals import RefusedError
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
    """The same view at a guest's address, without a log-in.

    Returns a function of its own, so that the view still needs a log-in at the members' address.
    """

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
    """The video. 410 if the link has expired or was revoked; 404 if there is no such link or its
    video cannot be watched now."""
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
    """Whether the video is still there, for a player that gets no more data."""
    video = visible_video(request, token=token)
    return JsonResponse({"status": video.processing_status, "watchable": True})


# Someone who can make a browser send this request has the token, and could count a view anyway.
@csrf_exempt
@login_not_required
@require_POST
def view(request: HttpRequest, token: str) -> HttpResponse:
    """Counts a view once enough was played; 422 for values that no player reports.

    Views of the uploader do not count.
    """
    video = visible_video(request, token=token)
    form = WatchedForm(request.POST)
    if not form.is_valid():
        raise RefusedError("This is no position.")
    is_own = request.user.pk == video.uploaded_by_id
    if not is_own and is_view(video, form.cleaned_data["watched"]):
        count_guest_view(token=token, client=client_address(request))
    return HttpResponse(status=204)
