"""Members report videos, comments and members, and see what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from clipset.lib.refusals import RateLimitedError
from clipset.lib.requests import is_htmx, is_next_page
from videos.access import comment_of, deleted_is_404, visible_video
from videos.models import Report, ReportKind
from videos.report_forms import ReportForm
from videos.selectors.reports import (
    can_be_handled,
    open_report_on,
    own_reports,
    what_is_reported,
)
from videos.services.reports import NOBODY_ELSE, report_comment, report_member, report_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest

    Send = Callable[[str, str], Report]


@require_http_methods(["GET", "HEAD", "POST"])
def video(request: MemberRequest, short_id: str) -> HttpResponse:
    """The form that reports a video, or the member's open report of it."""
    found = visible_video(request, short_id)
    thing = Report(
        kind=ReportKind.VIDEO,
        video=found,
        member=found.uploaded_by,
        member_name=found.uploaded_by.username,
        title=found.title,
    )

    def send(reason: str, text: str) -> Report:
        return report_video(video=found, reporter=request.user, reason=reason, text=text)

    return _report(request, thing, send)


@require_http_methods(["GET", "HEAD", "POST"])
def comment(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """The form that reports a comment, or the member's open report of it."""
    found = comment_of(visible_video(request, short_id), comment_id)
    if not found.is_shown or not found.can_be_read_by(request.user):
        raise Http404("The comment is not shown to this member.")
    thing = Report(
        kind=ReportKind.COMMENT,
        comment=found,
        member=found.author,
        member_name=found.author.username,
        title=found.video.title,
        quote=found.text,
    )

    def send(reason: str, text: str) -> Report:
        return report_comment(comment=found, reporter=request.user, reason=reason, text=text)

    return _report(request, thing, send)


@require_http_methods(["GET", "HEAD", "POST"])
def member(request: MemberRequest, username: str) -> HttpResponse:
    """The form that reports a member, or the member's open report of them."""
    found = get_object_or_404(User.objects.named(username), trashed_at=None)
    thing = Report(
        kind=ReportKind.MEMBER, member=found, member_name=found.username, title=found.username
    )

    def send(reason: str, text: str) -> Report:
        return report_member(member=found, reporter=request.user, reason=reason, text=text)

    return _report(request, thing, send)


def _report(request: MemberRequest, thing: Report, send: Send) -> HttpResponse:
    """`thing` is a report that is not stored: it says what is reported."""
    if thing.member_id == request.user.pk:
        raise Http404("Nobody reports their own things.")
    thing.reporter = request.user
    if request.method != "POST":
        return _page(request, thing, ReportForm(), sent=open_report_on(thing))
    form, status = ReportForm(request.POST), 422
    try:
        if form.is_valid():
            with deleted_is_404():
                sent = send(form.cleaned_data["reason"], form.cleaned_data["text"])
            # A page answers by a redirect to itself, so that reloading it sends nothing again.
            return _page(request, thing, sent=sent) if is_htmx(request) else redirect(request.path)
    except RateLimitedError as error:
        form.add_error(None, error.sentence)
        status = error.status
    except ValidationError as error:
        form.add_error(None, error)
    return _page(request, thing, form, status=status)


def _page(
    request: MemberRequest,
    thing: Report,
    form: ReportForm | None = None,
    *,
    sent: Report | None = None,
    status: int = 200,
) -> HttpResponse:
    """The form or what was sent: alone for htmx, else on a page."""
    assert thing.member is not None
    context = {
        "thing": thing,
        "what": what_is_reported(thing),
        "form": form,
        "sent": sent,
        "refusal": "" if can_be_handled(thing.member) else NOBODY_ELSE.format(thing.member_name),
        "address": request.path,
        "back_url": (thing.comment or thing.video or thing.member).get_absolute_url(),
    }
    template = "videos/reports/form.html" if is_htmx(request) else "videos/reports/page.html"
    return render(request, template, context, status=status)


@require_safe
def reports(request: MemberRequest) -> HttpResponse:
    """The member's own reports."""
    page = own_reports(request.user, after=request.GET.get("after", ""))
    template = "rows.html" if is_next_page(request) else "list.html"
    return render(request, f"videos/reports/{template}", {"page": page})
