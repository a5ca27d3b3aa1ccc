"""Deleting a video, the trash, restoring from it, and deleting for good."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.requests import is_next_page
from clipset.ui.refusals import errors_as_messages
from siteconfig.services.config import current_config
from videos.access import deleted_is_404, editable_video, own_or_trashed_video, trashed_video
from videos.forms import TrashForm
from videos.models import Video
from videos.selectors.trash import removed_with, trash_page, trash_state
from videos.services.trash import delete_for_good, restore_video, trash_video

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, short_id: str) -> HttpResponse:
    """The question, and after it the deletion: into the trash, or for good if there is none.

    The page that comes next offers Undo.
    """
    video = editable_video(request, short_id)
    form = TrashForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"video": video, "form": form, "days": current_config().trash_days}
        status = 422 if form.is_bound else 200
        return render(request, "videos/details/delete.html", context, status=status)
    with deleted_is_404():
        is_kept = trash_video(video=video, by=request.user, reason=form.cleaned_data["reason"])
    return redirect(_after_deletion(request, video, is_kept=is_kept))


def _after_deletion(request: MemberRequest, video: Video, *, is_kept: bool) -> str:
    """The address of the uploader's videos, which offers Undo or says that the video is gone."""
    profile = reverse("profile", args=[video.uploaded_by.username])
    if is_kept:
        return f"{profile}?{urlencode({'trashed': video.short_id})}"
    messages.success(request, f"“{video.title}” deleted")
    return profile


@require_safe
def trash(request: MemberRequest) -> HttpResponse:
    """The member's own videos in the trash. Staff find those of others in the admin."""
    page = trash_page(request.user, after=request.GET.get("after", ""))
    template = "rows" if is_next_page(request) else "page"
    return render(request, f"videos/trash/{template}.html", {"page": page})


@require_POST
def restore(request: MemberRequest, short_id: str) -> HttpResponse:
    """Restores a video; has no effect on one that is already restored."""
    video = own_or_trashed_video(request, short_id)
    with errors_as_messages(request), deleted_is_404():
        restore_video(video=video, by=request.user)
        messages.success(request, f"“{video.title}” restored")
    return redirect(video)


@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: MemberRequest, short_id: str) -> HttpResponse:
    """The question whether to delete a video in the trash for good, and after it the deletion. Only
    admins do that before its days are over."""
    video = trashed_video(request, short_id)
    if not request.user.is_admin:
        raise Http404("Only an admin empties the trash.")
    if request.method != "POST":
        context = {
            "video": video,
            "removed": removed_with(video),
            "trash": trash_state(video, viewer=request.user),
        }
        return render(request, "videos/trash/delete_for_good.html", context)
    with errors_as_messages(request), deleted_is_404():
        delete_for_good(video=video, by=request.user)
        messages.success(request, f"“{video.title}” deleted for good")
    return redirect("trash")
