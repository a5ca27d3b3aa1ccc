"""What a player reports while it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST

from clipset.lib.refusals import RefusedError
from videos.access import viewable_video
from videos.forms import WatchedForm
from videos.services.watch_progress import count_view, save_position

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


@require_POST
def view(request: MemberRequest, short_id: str) -> HttpResponse:
    """Saves the position and counts the view. 204; 422 for values that no player reports."""
    video = viewable_video(request, short_id)
    form = WatchedForm(request.POST)
    if not form.is_valid():
        raise RefusedError("This is no position.")
    if video.is_trashed:  # its uploader looks at it once more
        return HttpResponse(status=204)
    report = form.cleaned_data
    try:
        count_view(video=video, member=request.user, watched=report["watched"])
        save_position(video=video, member=request.user, seconds=report["at"], ended=report["ended"])
    except IntegrityError as error:  # the foreign key: the video was deleted in the meantime
        raise Http404("It was deleted in the meantime.") from error
    return HttpResponse(status=204)
