"""Playlists: looking at one, and making one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from videos.models import Playlist
from videos.selectors.playlists import playlist_page
from videos.services.playlists import create_playlist

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


@require_safe
def playlist(request: MemberRequest, short_id: str) -> HttpResponse:
    found = get_object_or_404(Playlist.objects.select_related("made_by"), short_id=short_id)
    page = playlist_page(found, viewer=request.user, after=request.GET.get("after", ""))
    if getattr(request, "htmx", False) and request.GET.get("after"):
        return render(request, "components/video_grid_page.html", {"page": page})
    context = {"playlist": found, "page": page, "is_own": found.made_by_id == request.user.pk}
    return render(request, "videos/playlist.html", context)


@require_POST
def create(request: MemberRequest) -> HttpResponse:
    """Makes an empty one from `title` and `description`. Scripts get 201 with its short id, or
    422 with sentences by the field's name."""
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    try:
        made = create_playlist(
            user=request.user,
            title=request.POST.get("title", ""),
            description=request.POST.get("description", ""),
        )
    except ValidationError as error:
        if wants_json:
            return JsonResponse({"errors": error.message_dict}, status=422)
        sentence = " ".join(error.messages)
        return HttpResponse(sentence, status=422, content_type="text/plain; charset=utf-8")
    if wants_json:
        answer = {"short_id": made.short_id, "title": made.title, "url": made.get_absolute_url()}
        return JsonResponse(answer, status=201)
    return redirect(made)
