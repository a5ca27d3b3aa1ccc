"""What staff do on the page of a video: hide, move, answer the uploader. Each act is a POST.

htmx gets the menu as it is now, with the changed facts and a toast. Without it the video's page
follows, with the same toast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from clipset.lib.requests import is_htmx
from clipset.ui.undo_tags import undo_tag
from videos.access import deleted_is_404, moderated_video
from videos.moderation_forms import AnswerForm, HideForm, MoveForm
from videos.selectors.moderation import moderation_of
from videos.selectors.reviews import latest_request
from videos.services.details import move_to_category
from videos.services.hiding import hide_video, unhide_video
from videos.services.reviews import ANSWERED, answer_review
from videos.services.thumbnails import reset_thumbnail

if TYPE_CHECKING:
    from typing import Any

    from django.forms import Form
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest
    from videos.models import Video


@require_safe
def menu(request: MemberRequest, short_id: str) -> HttpResponse:
    """Everything that staff can do with a video, and what they should know about it."""
    return _menu(request, moderated_video(request, short_id))


@require_POST
def hide(request: MemberRequest, short_id: str) -> HttpResponse:
    """Hides the video with `reason` and `text`, or changes the reason."""
    video = moderated_video(request, short_id)
    was_hidden = video.is_hidden
    form = HideForm(request.POST)
    try:
        if form.is_valid():
            with deleted_is_404():
                hide_video(video=video, by=request.user, **form.cleaned_data)
            return _done(request, video, "Reason changed" if was_hidden else "Video hidden")
    except ValidationError as error:
        form.add_error(None, error)
    return _menu(request, video, hide_form=form, status=422)


@require_POST
def unhide(request: MemberRequest, short_id: str) -> HttpResponse:
    video = moderated_video(request, short_id)
    try:
        with deleted_is_404():
            unhide_video(video=video, by=request.user)
    except ValidationError as error:
        return _refused(request, video, error)
    return _done(request, video, "Video unhidden")


@require_POST
def move(request: MemberRequest, short_id: str) -> HttpResponse:
    """Moves the video to `category`, a slug, or out of its category if that is empty."""
    video = moderated_video(request, short_id)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _refused(request, video, form.errors["category"].as_data()[0])
    with deleted_is_404():
        move_to_category(video=video, category=form.cleaned_data["category"])
    target = f"Moved to {video.category}" if video.category else "Removed from its category"
    return _done(request, video, target)


@require_POST
def thumbnail(request: MemberRequest, short_id: str) -> HttpResponse:
    """Has the thumbnail made again from the frame that is right for most videos."""
    video = moderated_video(request, short_id)
    try:
        with deleted_is_404():
            reset_thumbnail(video=video)
    except ValidationError as error:
        return _refused(request, video, error)
    return _done(request, video, "The new thumbnail will appear in a moment")


@require_POST
def answer(request: MemberRequest, short_id: str) -> HttpResponse:
    """Answers the open request for a review: `answer` is "unhide" or "keep", with a `message`."""
    video = moderated_video(request, short_id)
    form, is_unhidden = AnswerForm(request.POST), request.POST.get("answer") == "unhide"
    try:
        if form.is_valid():
            with deleted_is_404():
                _answer(request, video, is_unhidden=is_unhidden, **form.cleaned_data)
            return _done(request, video, "Video unhidden" if is_unhidden else "Answer sent")
    except ValidationError as error:
        form.add_error(None, error)
    return _menu(request, video, answer_form=form, status=422)


def _answer(request: MemberRequest, video: Video, *, is_unhidden: bool, message: str) -> None:
    """Raises: ValidationError; Video.DoesNotExist."""
    asked = latest_request(video)
    if asked is None:
        raise ValidationError(ANSWERED)
    answer_review(request=asked, by=request.user, is_unhidden=is_unhidden, message=message)
    video.refresh_from_db()


def _refused(request: MemberRequest, video: Video, error: ValidationError) -> HttpResponse:
    """What was refused has no field to show it at."""
    if is_htmx(request):
        return _menu(request, video, sentences=error.messages, status=422)
    messages.error(request, " ".join(error.messages))
    return redirect(video)


def _menu(
    request: MemberRequest,
    video: Video,
    *,
    status: int = 200,
    **forms: Form | list[str],
) -> HttpResponse:
    """The menu, with what was typed into a form that was refused: alone for htmx, else a page."""
    context: dict[str, Any] = {
        "moderation": moderation_of(video, viewer=request.user),
        "video": video,
        "hide_form": HideForm(),
        "answer_form": AnswerForm(),
        "in_place": is_htmx(request),
        **forms,
    }
    name = "menu" if is_htmx(request) else "page"
    return render(request, f"videos/moderation/{name}.html", context, status=status)


def _done(request: MemberRequest, video: Video, sentence: str) -> HttpResponse:
    """What was done, with a button that undoes it."""
    if not is_htmx(request):
        messages.success(request, sentence, extra_tags=undo_tag())
        return redirect(video)
    context = {
        "moderation": moderation_of(video, viewer=request.user),
        "video": video,
        "hide_form": HideForm(),
        "answer_form": AnswerForm(),
        "in_place": True,
        "is_own": video.uploaded_by_id == request.user.pk,
        "sentence": sentence,
    }
    return render(request, "videos/moderation/changed.html", context)
