"""Reports in the admin: the list of what waits, and a page on which one is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from accounts.admin.shared import me_of
from clipset.lib.units import plural
from clipset.ui.admin import GuardedAdmin, state_word
from clipset.ui.template_tags import initials, relative_time, tone
from videos.models import Report, ReportAct, ReportKind, ReportState
from videos.report_forms import DecisionForm
from videos.selectors.reports import for_staff, picture_url, report_case, what_is_reported
from videos.services.reports import (
    Answer,
    handled_sentence,
    reject_report,
    reopen_report,
    resolve_report,
)

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

LIST: Final = "admin:videos_report_changelist"
SHORT: Final = 60  # characters
TONES: Final = {
    ReportState.OPEN: "warn",
    ReportState.RESOLVED: "good",
    ReportState.REJECTED: "quiet",
}
DONE: Final = {
    ReportAct.NONE: "",
    ReportAct.HIDE_VIDEO: " The video is hidden.",
    ReportAct.DELETE_COMMENT: " The comment is deleted.",
    ReportAct.DEACTIVATE: " The member is deactivated.",
}


class StateFilter(admin.SimpleListFilter):
    """Open reports unless another state is chosen."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("RESOLVED", "Resolved"), ("REJECTED", "Rejected"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "Open"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        if self.value() == "all":
            return queryset
        handled = {ReportState.RESOLVED, ReportState.REJECTED}
        return queryset.filter(state=self.value() if self.value() in handled else ReportState.OPEN)


@admin.register(Report)
class ReportAdmin(GuardedAdmin[Report]):
    """Members open reports; here staff decide. Nobody meets reports about themselves here, nor
    moderators those about other staff (ReportQuerySet)."""

    list_display = ["picture", "what", "reason", "reporter_name", "about", "since", "status"]
    list_display_links = ["what"]
    list_filter = [StateFilter, "kind", "reason"]
    search_fields = ["title", "quote", "text", "member_name", "reporter__username"]

    # Permissions
    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        return for_staff(me_of(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    # The list
    @admin.display(description="Picture")
    def picture(self, report: Report) -> SafeString:
        is_member, url = report.kind == ReportKind.MEMBER, picture_url(report)
        if url is not None:
            css = "thumb thumb--round" if is_member else "thumb"
            size = (36, 36) if is_member else (96, 54)
            return format_html(
                '<img class="{}" src="{}" width="{}" height="{}" alt="" loading="lazy">',
                css,
                url,
                *size,
            )
        if is_member:
            css = f"avatar avatar--32 avatar--t{tone(report.member_name)}"
            name = initials(report.member_name)
            return format_html('<span class="{}" aria-hidden="true">{}</span>', css, name)
        return format_html('<span class="{}"></span>', "thumb--none")

    @admin.display(description="What", ordering="title")
    def what(self, report: Report) -> SafeString:
        what = what_is_reported(report)
        said = report.quote if report.kind == ReportKind.COMMENT else ""
        return format_html(
            '<span title="{}">{}</span>{}',
            what,
            Truncator(what).chars(SHORT),
            format_html('<br><span class="help">{}</span>', Truncator(said).chars(SHORT))
            if said
            else "",
        )

    @admin.display(description="Reported by", ordering="reporter__username")
    def reporter_name(self, report: Report) -> str:
        return report.reporter.username if report.reporter else "A former member"

    @admin.display(description="About", ordering="member_name")
    def about(self, report: Report) -> str:
        return report.member_name

    @admin.display(description="Since", ordering="created_at")
    def since(self, report: Report) -> SafeString:
        return relative_time(report.created_at)

    @admin.display(description="State", ordering="state")
    def status(self, report: Report) -> SafeString:
        state = ReportState(report.state)
        word = state_word(state.lower(), state.label, TONES[state])
        if report.is_open:
            return word
        return format_html("{} by {}", word, report.handled_by or "a former member")

    # The page of one
    def get_urls(self) -> list[URLPattern]:
        reopen = self.admin_site.admin_view(self.reopen_view)
        return [
            path("<uuid:report_id>/reopen/", reopen, name="videos_report_reopen"),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Shows a report, and handles it with all open ones of the same thing."""
        if object_id is None or not self.has_change_permission(request):
            raise PermissionDenied
        report = self.get_object(request, object_id)
        if report is None:
            raise Http404("No such report, or not for this member of staff.")
        if request.method != "POST":
            form = DecisionForm(initial=_texts_of(report))
            return self._page(request, report, form)
        form = DecisionForm(request.POST)
        if not form.is_valid():
            return self._page(request, report, form, status=422)
        return self._decide(request, report, form)

    def _decide(self, request: HttpRequest, report: Report, form: DecisionForm) -> HttpResponse:
        decision = form.cleaned_data["decision"]
        answer = Answer(**{name: form.cleaned_data[name] for name in Answer.__slots__})
        given: dict[str, Any] = {
            "report": report,
            "by": me_of(request),
            "answer": answer,
            "seen_until": form.cleaned_data["seen_until"],
        }
        try:
            if decision == DecisionForm.REJECT:
                handled, act = reject_report(**given), ReportAct.NONE
            else:
                act = ReportAct(decision)
                handled = resolve_report(**given, act=act)
        except (ValidationError, Report.DoesNotExist) as error:
            return self._refuse(request, report, error)
        verb = "rejected" if decision == DecisionForm.REJECT else "resolved"
        what = what_is_reported(report)
        sentence = f"{plural(len(handled), 'report')} {verb}: {what}.{DONE[act]}"
        self.message_user(request, sentence)
        return redirect(LIST)

    def reopen_view(self, request: HttpRequest, report_id: UUID) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        report = self.get_object(request, str(report_id))
        if report is None:
            raise Http404("No such report.")
        try:
            reopened = reopen_report(report=report, by=me_of(request))
        except (ValidationError, Report.DoesNotExist) as error:
            return self._refuse(request, report, error)
        self.message_user(request, f"{plural(len(reopened), 'report')} reopened.")
        return redirect(_page_of(report))

    def _refuse(
        self, request: HttpRequest, report: Report, error: ValidationError | Report.DoesNotExist
    ) -> HttpResponse:
        """Says why, on the page as it is now: another moderator may have been faster."""
        if isinstance(error, Report.DoesNotExist):
            raise Http404("No such report.") from error
        self.message_user(request, " ".join(error.messages), messages.ERROR)
        return redirect(_page_of(report))

    def _page(
        self, request: HttpRequest, report: Report, form: DecisionForm, status: int = 200
    ) -> TemplateResponse:
        case = report_case(report, viewer=me_of(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Report: {Truncator(case.what).chars(SHORT)}",
            "case": case,
            "report": report,
            "form": form,
            "handled": "" if report.is_open else handled_sentence(report),
        }
        template = "admin/videos/report/page.html"
        return TemplateResponse(request, template, context, status=status)


def _texts_of(report: Report) -> dict[str, str]:
    """What moderators wrote before the report was reopened."""
    return {name: getattr(report, name) for name in Answer.__slots__}


def _page_of(report: Report) -> str:
    return reverse("admin:videos_report_change", args=[report.pk])
