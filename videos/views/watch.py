"""One video: watching, its state, changing and deleting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.timestamps import parse_timestamp
from videos.access import editable_video, visible_video
from videos.forms import EditForm
from videos.selectors.cards import progress_of
from videos.selectors.watch import watch_page
from videos.services.editing import delete_video, edit_video
from videos.services.processing import retry_processing

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


@require_safe
def watch(request: MemberRequest, short_id: str) -> HttpResponse:
    video = visible_video(request, short_id)
    start = parse_timestamp(request.GET.get("t", "")) or 0
    context = {"watch": watch_page(video, viewer=request.user, start=start)}
    return render(request, "videos/watch.html", context)


@require_safe
def status(request: MemberRequest, short_id: str) -> HttpResponse:
    """Where processing is: a fragment for the page that polls, or JSON."""
    video = visible_video(request, short_id)
    progress = progress_of([video]).get(video.pk)
    if request.headers.get("Accept", "").startswith("application/json"):
        percent = 100 if video.is_ready else progress.percent if progress else None
        return JsonResponse(
            {
                "status": video.processing_status,
                "progress": percent,
                "watchable": video.is_ready,
                "error": video.error_message,
            }
        )
    response = render(request, "videos/status.html", {"video": video, "progress": progress})
    if not video.is_unfinished and getattr(request, "htmx", False):
        # The page that polls shows the player, or the failure, from its top.
        response["HX-Refresh"] = "true"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    form = EditForm.of(video, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        edit_video(
            video=video,
            title=form.cleaned_data["title"],
            description=form.cleaned_data["description"],
            category=form.cleaned_data["category"],
        )
        messages.success(request, "Your changes are saved.")
        return redirect(video)
    code = 422 if request.method == "POST" else 200
    return render(request, "videos/edit.html", {"form": form, "video": video}, status=code)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    if request.method != "POST":
        return render(request, "videos/delete.html", {"video": video})
    delete_video(video=video)
    messages.success(request, f"“{video.title}” is deleted.")
    return redirect("profile", username=request.user.username)


@require_POST
def retry(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    try:
        retry_processing(video=video)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(video)
