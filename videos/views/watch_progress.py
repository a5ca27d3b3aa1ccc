"""What a player tells while it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST

from videos.access import visible_video
from videos.forms import WatchedForm
from videos.services.watch_progress import count_view, save_position

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


@require_POST
def view(request: MemberRequest, short_id: str) -> HttpResponse:
    """204; 422 for what no player says."""
    video = visible_video(request, short_id)
    form = WatchedForm(request.POST)
    if not form.is_valid():
        return HttpResponse("This is no position.", status=422, content_type="text/plain")
    told = form.cleaned_data
    try:
        count_view(video=video, member=request.user, watched=told["watched"])
        save_position(video=video, member=request.user, seconds=told["at"], ended=told["ended"])
    except IntegrityError as error:  # of the foreign key
        raise Http404("It was deleted meanwhile.") from error
    return HttpResponse(status=204)
