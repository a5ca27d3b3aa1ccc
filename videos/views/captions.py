"""The captions of a video, for who may edit it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from videos.access import captioned_video
from videos.forms import CaptionForm
from videos.models import Caption, Video
from videos.selectors.captions import caption_rows
from videos.services.captions import (
    add_caption,
    choose_default_caption,
    remove_caption,
    rename_caption,
    restore_caption,
)

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest

GONE = "It was deleted meanwhile."


@require_http_methods(["GET", "HEAD", "POST"])
def captions(request: MemberRequest, short_id: str) -> HttpResponse:
    """What there is, and a form for more."""
    video = captioned_video(request, short_id)
    is_sent = request.method == "POST"
    form = CaptionForm(*((request.POST, request.FILES) if is_sent else ()))
    if is_sent and form.is_valid():
        added = _added(video, form)
        if added is not None:
            messages.success(request, f"“{added.label}” added")
            return redirect("video_captions", short_id=short_id)
    context = {
        "video": video,
        "form": form,
        "tracks": caption_rows(video),
        "removed": _removed(request, video),
    }
    return render(request, "videos/captions/edit.html", context, status=422 if is_sent else 200)


def _added(video: Video, form: CaptionForm) -> Caption | None:
    """None when the form says what is wrong."""
    sent = form.cleaned_data
    try:
        return add_caption(
            video=video,
            contents=sent["file"].read(),
            language=sent["language"],
            label=sent["label"],
        )
    except ValidationError as error:
        form.add_error("file", error)
        return None
    except Video.DoesNotExist as error:
        raise Http404(GONE) from error


@require_POST
def rename(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    caption = _caption(request, short_id, code)
    try:
        rename_caption(caption=caption, label=request.POST.get("label", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except Video.DoesNotExist as error:
        raise Http404(GONE) from error
    return redirect("video_captions", short_id=short_id)


@require_POST
def choose_default(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    caption = _caption(request, short_id, code)
    try:
        choose_default_caption(caption=caption, chosen=bool(request.POST.get("chosen")))
    except Video.DoesNotExist as error:
        raise Http404(GONE) from error
    return redirect("video_captions", short_id=short_id)


@require_POST
def remove(request: MemberRequest, short_id: str, code: str) -> HttpResponse:
    caption = _caption(request, short_id, code)
    try:
        remove_caption(caption=caption)
    except Video.DoesNotExist as error:
        raise Http404(GONE) from error
    page = reverse("video_captions", args=[short_id])
    return redirect(f"{page}?{urlencode({'removed': caption.pk})}")


@require_POST
def restore(request: MemberRequest, short_id: str, caption_id: int) -> HttpResponse:
    video = captioned_video(request, short_id)
    caption = get_object_or_404(Caption.objects.defer("body"), video=video, pk=caption_id)
    try:
        back = restore_caption(caption=caption)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except Video.DoesNotExist as error:
        raise Http404(GONE) from error
    else:
        messages.success(request, f"“{back.label}” restored")
    return redirect("video_captions", short_id=short_id)


def _removed(request: MemberRequest, video: Video) -> Caption | None:
    """What was just removed and can be brought back; None where there is no such thing."""
    asked = request.GET.get("removed", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        return None
    return Caption.objects.undoable().filter(video=video, pk=asked).defer("body").first()


def _caption(request: MemberRequest, short_id: str, code: str) -> Caption:
    video = captioned_video(request, short_id)
    return get_object_or_404(video.captions.present().defer("body"), code=code)
