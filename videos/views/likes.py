"""Likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from clipset.lib.refusals import RateLimitedError
from clipset.middleware import wants_script_answer
from videos.access import visible_video
from videos.models import Video
from videos.selectors.liked_videos import liked_page
from videos.services.likes import set_like
from videos.views.up_next import watch_address

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


@require_POST
def like(request: MemberRequest, short_id: str) -> HttpResponse:
    """`liked` is what shall be, "yes" or "no", so that a click sent twice is one click."""
    video = visible_video(request, short_id)
    wanted = request.POST.get("liked")
    if wanted not in {"yes", "no"}:
        return _refused(request, "Say whether you like it.", 422)
    try:
        count = set_like(video=video, member=request.user, liked=wanted == "yes")
    except RateLimitedError as error:
        return _refused(request, str(error), 429)
    except Video.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    if wants_script_answer(request):
        return JsonResponse({"liked": wanted == "yes", "count": count})
    return redirect(watch_address(request, video))


@require_safe
def liked(request: MemberRequest) -> HttpResponse:
    """What the member likes, for nobody else; for htmx only the cards that follow."""
    after = request.GET.get("after", "")
    page = liked_page(request.user, after=after)
    alone = getattr(request, "htmx", False) and after
    template = "components/video_grid_page.html" if alone else "videos/browse/liked_videos.html"
    return render(request, template, {"page": page})


def _refused(request: MemberRequest, sentence: str, status: int) -> HttpResponse:
    if wants_script_answer(request):
        return JsonResponse({"error": sentence}, status=status)
    return HttpResponse(sentence, status=status, content_type="text/plain")
