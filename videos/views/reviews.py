"""The page on which uploaders ask moderators to look again at a hidden video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clipset.lib.refusals import RateLimitedError
from clipset.lib.requests import with_headers
from videos.access import deleted_is_404, video_hidden_by_others
from videos.moderation_forms import ReviewForm
from videos.selectors.reviews import hiding_of
from videos.services.reviews import ask_for_review

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest
    from videos.models import Video

ASKED = "Sent to the moderators. You'll get a notification with their answer."


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: MemberRequest, short_id: str) -> HttpResponse:
    """The form with the reason above it; a POST sends it to the moderators."""
    video = video_hidden_by_others(request, short_id)
    if request.method != "POST":
        return _page(request, video, ReviewForm())
    form = ReviewForm(request.POST)
    try:
        if form.is_valid():
            with deleted_is_404():
                ask_for_review(video=video, by=request.user, text=form.cleaned_data["text"])
            messages.success(request, ASKED)
            return redirect(video)
    except (ValidationError, RateLimitedError) as error:
        return _refused(request, video, form, error)
    return _page(request, video, form, status=422)


def _refused(
    request: MemberRequest,
    video: Video,
    form: ReviewForm,
    error: ValidationError | RateLimitedError,
) -> HttpResponse:
    if isinstance(error, RateLimitedError):
        form.add_error("text", error.sentence)
        return with_headers(_page(request, video, form, status=error.status), error.headers)
    form.add_error("text", error)
    return _page(request, video, form, status=422)


def _page(
    request: MemberRequest, video: Video, form: ReviewForm, *, status: int = 200
) -> HttpResponse:
    context = {"video": video, "form": form, "hiding": hiding_of(video, viewer=request.user)}
    return render(request, "videos/details/review.html", context, status=status)
