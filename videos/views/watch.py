"""One video: watching, its state, changing and deleting it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.pictures import PictureError
from clipset.lib.requests import with_headers
from clipset.lib.timestamps import parse_timestamp
from videos.access import editable_video, visible_video, watched_video
from videos.forms import EditForm
from videos.models import Video
from videos.selectors.cards import progress_of, thumbnail_url
from videos.selectors.playback import is_watchable
from videos.selectors.watch import making_of, watch_page
from videos.services.details import delete_video, edit_video
from videos.services.processing.attempt import CANCELLED, cancel_processing, retry_processing
from videos.services.thumbnails import choose_thumbnail_frame, set_uploaded_thumbnail
from videos.views.comments import talk_of
from videos.views.up_next import asked_queue

if TYPE_CHECKING:
    from accounts.models import User
    from clipset.lib.requests import MemberRequest

SAVED = "Your changes are saved."
SAVED_AND_COMING = f"{SAVED} The new thumbnail will appear in a moment."


# media-chrome writes <style> into its shadow roots.
@csp_update({"style-src": [UNSAFE_INLINE]})  # type: ignore[arg-type] # a member's request
@require_safe
def watch(request: MemberRequest, short_id: str) -> HttpResponse:
    video = watched_video(request, short_id)
    start = parse_timestamp(request.GET["t"]) or 0 if "t" in request.GET else None
    queue = asked_queue(request, video)
    page = watch_page(video, viewer=request.user, start=start, queue=queue)
    context = {
        "watch": page,
        "was_stopped": video.error_message == CANCELLED,
        "may_retry": video.may_be_retried_by(request.user),
        **talk_of(request, video),
    }
    return render(request, "videos/watch/page.html", context)


@require_safe
def status(request: MemberRequest, short_id: str) -> HttpResponse:
    """Where processing is: a fragment for the page that polls, or JSON."""
    video = visible_video(request, short_id)
    if request.headers.get("Accept", "").startswith("application/json"):
        return _status_for_scripts(video)
    watching = bool(request.GET.get("watching"))
    making = making_of(video, watching=watching, since=moment_parameter(request, "since"))
    response = render(
        request,
        "videos/processing/below_player.html" if watching else "videos/processing/status.html",
        {
            "video": video,
            "making": making,
            "was_stopped": video.error_message == CANCELLED,
            "may_retry": video.may_be_retried_by(request.user),
        },
    )
    if not watching and getattr(request, "htmx", False) and _has_news(video):
        response["HX-Refresh"] = "true"
    return response


def _has_news(video: Video) -> bool:
    """Whether a page without a player shows one now, or the failure, from its top."""
    return not video.is_unfinished or is_watchable(video)


def _status_for_scripts(video: Video) -> JsonResponse:
    progress = progress_of([video]).get(video.pk)
    return JsonResponse(
        {
            "status": video.processing_status,
            "progress": 100 if video.is_ready else progress.percent if progress else None,
            "watchable": is_watchable(video),
            "error": video.error_message,
        }
    )


def moment_parameter(request: MemberRequest, name: str) -> datetime | None:
    """Seconds since 1970, as our own pages send them; None for anything else."""
    text = request.GET.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return datetime.fromtimestamp(int(text), UTC)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    is_sent = request.method == "POST"
    form = EditForm.of(video, *((request.POST, request.FILES) if is_sent else ()))
    status, headers = (422 if is_sent else 200), dict[str, str]()
    try:
        if is_sent and form.is_valid() and _is_stored(video, form, request.user):
            messages.success(request, SAVED_AND_COMING if _is_coming(form) else SAVED)
            return redirect(video)
    except PictureError as error:
        form.add_error("picture", str(error))
        status, headers = error.status, error.headers
    except Video.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    context = {"form": form, "video": video, "thumbnail_url": thumbnail_url(video)}
    return with_headers(
        render(request, "videos/details/edit.html", context, status=status), headers
    )


def _is_stored(video: Video, form: EditForm, member: User) -> bool:
    """All of it, or nothing: then the form says what is wrong.

    Raises: PictureError, Video.DoesNotExist.
    """
    picture, moment = form.cleaned_data.get("picture"), form.cleaned_data.get("moment")
    try:
        if picture is not None:
            set_uploaded_thumbnail(video=video, picture=picture, member=member.pk)
        elif moment is not None:
            choose_thumbnail_frame(video=video, seconds=moment)
    except ValidationError as error:
        form.add_error("picture" if picture else "moment", error)
        return False
    edit_video(
        video=video,
        title=form.cleaned_data["title"],
        description=form.cleaned_data["description"],
        category=form.cleaned_data["category"],
    )
    return True


def _is_coming(form: EditForm) -> bool:
    """Whether a worker has to make the picture."""
    return form.cleaned_data.get("moment") is not None


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    if request.method != "POST":
        return render(request, "videos/details/delete.html", {"video": video})
    delete_video(video=video)
    messages.success(request, f"“{video.title}” deleted")
    return redirect("profile", username=video.uploaded_by.username)


@require_POST
def retry(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    try:
        retry_processing(video=video, by_staff=request.user.is_staff)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except Video.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    return redirect(video)


@require_POST
def cancel(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    try:
        cancel_processing(video=video)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(video)
