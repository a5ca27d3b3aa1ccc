"""Likes of videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from clipset.lib.query_parameters import short_id_parameter
from clipset.lib.refusals import RefusedError
from clipset.middleware import wants_script_answer
from videos.access import deleted_is_404, visible_video
from videos.selectors.playlists import watch_address
from videos.services.likes import set_like

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


@require_POST
def like(request: MemberRequest, short_id: str) -> HttpResponse:
    """Sets the like to `liked`, "yes" or "no": sent twice it has the same effect as once."""
    video = visible_video(request, short_id)
    liked = request.POST.get("liked")
    if liked not in {"yes", "no"}:
        raise RefusedError("Say whether you like it.")
    with deleted_is_404():
        count = set_like(video=video, member=request.user, liked=liked == "yes")
    if wants_script_answer(request):
        return JsonResponse({"liked": liked == "yes", "count": count})
    return redirect(watch_address(video, short_id_parameter(request.GET, "playlist")))
