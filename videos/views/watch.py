"""One video: watching it, its processing, and editing it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.pictures import PictureError
from clipset.lib.query_parameters import int_parameter, short_id_parameter, time_parameter
from clipset.lib.requests import is_htmx, parameters_of_page, with_headers
from clipset.lib.timestamps import parse_timestamp
from clipset.ui.refusals import errors_as_messages
from videos.access import deleted_is_404, editable_video, viewable_video, watched_video
from videos.awaiting import await_watchable
from videos.forms import CommentForm, EditForm
from videos.models import Video
from videos.selectors.cards import progress_of, thumbnail_url
from videos.selectors.comments import comment_section
from videos.selectors.playback import is_watchable
from videos.selectors.reviews import hiding_of
from videos.selectors.trash import trash_state
from videos.selectors.up_next import up_next
from videos.selectors.watch import processing_of, watch_page
from videos.services.details import edit_video
from videos.services.processing.attempt import CANCELLED, cancel_processing, retry_processing
from videos.services.reviews import ask_for_review_of_edit
from videos.services.thumbnails import choose_thumbnail_frame, set_uploaded_thumbnail

if TYPE_CHECKING:
    from django.http import QueryDict

    from accounts.models import User
    from clipset.lib.requests import MemberRequest

SAVED = "Changes saved"
SAVED_FOR_REVIEW = "Changes saved. Moderators will look at the video again."
SAVED_WITH_FRAME = "Changes saved. The new thumbnail will appear in a moment."


# media-chrome writes <style> into its shadow roots.
@csp_update({"style-src": [UNSAFE_INLINE]})  # type: ignore[arg-type] # a member's request
@require_safe
def watch(request: MemberRequest, short_id: str) -> HttpResponse:
    """The page of a video; `?t=` is where it begins, `?playlist=` the playlist around it."""
    return _page(request, short_id, request.GET)


def _page(request: MemberRequest, short_id: str, parameters: QueryDict) -> HttpResponse:
    video = watched_video(request, short_id)
    start = parse_timestamp(str(parameters["t"])) or 0 if "t" in parameters else None
    playlist_id = short_id_parameter(parameters, "playlist")
    playlist = up_next(playlist_id, video=video, viewer=request.user) if playlist_id else None
    page = watch_page(video, viewer=request.user, start=start, up_next=playlist)
    focus = int_parameter(parameters, "comment")
    if video.is_trashed:
        context = {"watch": page, "trash": trash_state(video, viewer=request.user)}
        return render(request, "videos/trash/watch.html", context)
    section = comment_section(video, viewer=request.user, focus=focus)
    context = {
        "watch": page,
        "address": request.build_absolute_uri(video.get_absolute_url()),
        "was_stopped": video.error_message == CANCELLED,
        "may_retry": video.may_be_retried_by(request.user),
        "comments": section.page,
        "comment_count": section.count,
        "comment_form": CommentForm.new(),
        "comment_markers": [asdict(marker) for marker in section.markers],
    }
    return render(request, "videos/watch/page.html", context)


@require_safe
def status(request: MemberRequest, short_id: str) -> HttpResponse:
    """The state of processing: a fragment for the page that polls, or JSON."""
    video = viewable_video(request, short_id)
    if request.headers.get("Accept", "").startswith("application/json"):
        return _status_for_scripts(video)
    watching = bool(request.GET.get("watching"))
    plays_original = request.GET.get("original") != "no"
    if not watching and is_htmx(request):
        with deleted_is_404():
            await_watchable(video, viewer=request.user.pk, plays_original=plays_original)
        if is_watchable(video, plays_original=plays_original):
            return _page_with_player(request, short_id)
    return _state(request, video, watching=watching, plays_original=plays_original)


def _state(
    request: MemberRequest, video: Video, *, watching: bool, plays_original: bool
) -> HttpResponse:
    if video.is_trashed:
        # Its page does not poll; one that does was opened before.
        return with_headers(HttpResponse(), {"HX-Refresh": "true"})
    since = time_parameter(request.GET, "since")
    context = {
        "video": video,
        "processing": processing_of(
            video, watching=watching, since=since, plays_original=plays_original
        ),
        "was_stopped": video.error_message == CANCELLED,
        "may_retry": video.may_be_retried_by(request.user),
    }
    name = "below_player" if watching else "status"
    response = render(request, f"videos/processing/{name}.html", context)
    if not watching and is_htmx(request) and not video.is_unfinished:
        response["HX-Refresh"] = "true"  # the page shows the failure at its top
    return response


def _page_with_player(request: MemberRequest, short_id: str) -> HttpResponse:
    """The page that asks, as it is now. static/js/show_player.js shows its player, without the
    half second that loading it again takes; other scripts load it again."""
    response = _page(request, short_id, parameters_of_page(request))
    response["HX-Refresh"] = "true"
    return response


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


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str) -> HttpResponse:
    """The form for the details and the thumbnail of a video."""
    video = editable_video(request, short_id)
    is_sent = request.method == "POST"
    form = EditForm.of(video, *((request.POST, request.FILES) if is_sent else ()))
    if not is_sent:
        return _edit_page(request, video, form)
    try:
        with deleted_is_404():
            saved = _save(video, form, request.user) if form.is_valid() else None
    except PictureError as error:
        form.add_error("picture", error.sentence)
        return with_headers(_edit_page(request, video, form, status=error.status), error.headers)
    return _saved(request, video, saved) if saved else _edit_page(request, video, form, 422)


def _edit_page(
    request: MemberRequest, video: Video, form: EditForm, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "video": video,
        "thumbnail_url": thumbnail_url(video),
        "hiding": hiding_of(video, viewer=request.user),
    }
    return render(request, "videos/details/edit.html", context, status=status)


def _saved(request: MemberRequest, video: Video, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect(video)


def _save(video: Video, form: EditForm, member: User) -> str | None:
    """Saves everything, or nothing. Returns what happened, in a sentence; None if the form now says
    what is wrong.

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
        return None
    old_title, old_description = video.title, video.description or ""
    edit_video(
        video=video,
        title=form.cleaned_data["title"],
        description=form.cleaned_data["description"],
        category=form.cleaned_data["category"],
    )
    review = ask_for_review_of_edit(
        video=video, by=member, old_title=old_title, old_description=old_description
    )
    if review is not None:
        return SAVED_FOR_REVIEW
    # A worker still has to make the thumbnail from a frame.
    return SAVED_WITH_FRAME if moment is not None else SAVED


@require_POST
def retry(request: MemberRequest, short_id: str) -> HttpResponse:
    """Processes a failed video again."""
    video = editable_video(request, short_id)
    with errors_as_messages(request), deleted_is_404():
        retry_processing(video=video, by_staff=request.user.is_staff)
    return redirect(video)


@require_POST
def cancel(request: MemberRequest, short_id: str) -> HttpResponse:
    """Stops processing."""
    video = editable_video(request, short_id)
    with errors_as_messages(request):
        cancel_processing(video=video)
    return redirect(video)
