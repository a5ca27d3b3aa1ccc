"""The captions of a video, for members who may edit it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from clipset.lib.query_parameters import int_parameter
from clipset.ui.refusals import errors_as_messages
from videos.access import captioned_video, deleted_is_404
from videos.forms import CaptionForm
from videos.models import Caption, Video
from videos.selectors.captions import caption_name, caption_rows
from videos.services.captions import (
    add_caption,
    choose_default_caption,
    publish_caption,
    remove_caption,
    rename_caption,
    restore_caption,
)

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
def captions(request: MemberRequest, short_id: str) -> HttpResponse:
    """The caption tracks of a video; a POST adds one."""
    video = captioned_video(request, short_id)
    is_sent = request.method == "POST"
    form = CaptionForm(*((request.POST, request.FILES) if is_sent else ()))
    added = _added(video, form) if is_sent and form.is_valid() else None
    if added is not None:
        messages.success(request, f"“{added.label}” added")
        return redirect("video_captions", short_id=short_id)
    is_own, removed = video.uploaded_by_id == request.user.pk, _removed(request, video)
    context = {
        "video": video,
        "form": form,
        "tracks": caption_rows(video, is_own=is_own),
        "is_own": is_own,
        "removed": removed,
        "removed_name": removed and caption_name(removed, is_own=is_own),
    }
    return render(request, "videos/captions/edit.html", context, status=422 if is_sent else 200)


def _added(video: Video, form: CaptionForm) -> Caption | None:
    """The new track; None if the form now says what is wrong."""
    fields = form.cleaned_data
    try:
        with deleted_is_404():
            return add_caption(
                video=video,
                contents=fields["file"].read(),
                language=fields["language"],
                label=fields["label"],
            )
    except ValidationError as error:
        form.add_error("file", error)
        return None


@require_POST
def rename(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    caption = _caption(request, short_id, code)
    with errors_as_messages(request), deleted_is_404():
        rename_caption(caption=caption, label=request.POST.get("label", ""))
    return redirect("video_captions", short_id=short_id)


@require_POST
def choose_default(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    """Turns the track on by default, or off if `chosen` is empty."""
    caption = _caption(request, short_id, code)
    with deleted_is_404():
        choose_default_caption(caption=caption, chosen=bool(request.POST.get("chosen")))
    return redirect("video_captions", short_id=short_id)


@require_POST
def publish(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    """Publishes a withheld track, or withholds it again if `published` is empty. For the uploader
    only, whose place it may be."""
    caption = _caption(request, short_id, code)
    if caption.video.uploaded_by_id != request.user.pk:
        raise Http404("Only the uploader publishes it.")
    is_published = bool(request.POST.get("published"))
    with deleted_is_404():
        publish_caption(caption=caption, is_published=is_published)
    state = "published" if is_published else "withheld"
    messages.success(request, f"“{caption.label}” {state}")
    return redirect("video_captions", short_id=short_id)


@require_POST
def remove(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    """Removes a track. The page that follows offers to undo it."""
    caption = _caption(request, short_id, code)
    with deleted_is_404():
        remove_caption(caption=caption)
    page = reverse("video_captions", args=[short_id])
    return redirect(f"{page}?{urlencode({'removed': caption.pk})}")


@require_POST
def restore(request: MemberRequest, short_id: str, caption_id: int) -> HttpResponse:
    video = captioned_video(request, short_id)
    caption = get_object_or_404(Caption.objects.defer("body"), video=video, pk=caption_id)
    with errors_as_messages(request), deleted_is_404():
        restored = restore_caption(caption=caption)
        name = caption_name(restored, is_own=video.uploaded_by_id == request.user.pk)
        messages.success(request, f"“{name}” restored")
    return redirect("video_captions", short_id=short_id)


def _removed(request: MemberRequest, video: Video) -> Caption | None:
    """The track of `?removed=` if it can still be restored."""
    caption_id = int_parameter(request.GET, "removed")
    if caption_id is None:
        return None
    return Caption.objects.undoable().filter(video=video, pk=caption_id).defer("body").first()


def _caption(request: MemberRequest, short_id: str, code: str) -> Caption:
    video = captioned_video(request, short_id)
    return get_object_or_404(video.captions.present().defer("body"), code=code)
