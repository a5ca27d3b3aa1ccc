"""The admin site: what needs attention comes first, then the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import mark_safe

from clipset.lib.query_parameters import text_parameter
from clipset.ui.admin_site import GuardedSite
from clipset.ui.undo_tags import undo_tag
from siteconfig.attention import (
    Done,
    Outcome,
    Source,
    find_source,
    number,
    run_act,
    sections_for,
    sources_for,
    total_of,
)
from siteconfig.attention_counts import attention_counts, keep_total
from siteconfig.services.put_away import show_all_again
from siteconfig.services.undo import undo_request
from siteconfig.undo_sentences import NOTHING_TO_UNDO, refusal_sentences, undone_sentence

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.template.response import TemplateResponse
    from django.urls import URLPattern, URLResolver

    from accounts.models import User


UNDO: Final = "undo"  # an act of each source: undoes what the log has of a `request`


class AttentionSite(GuardedSite):
    index_title = "Needs attention"
    index_template = "admin/attention/index.html"

    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [
            path("attention/", self.admin_view(self.attention_view), name="attention"),
            path(
                "attention/show-again/",
                self.admin_view(self.show_again_view),
                name="attention_show_again",
            ),
            path(
                "attention/<slug:kind>/<slug:key>/<slug:act>/",
                self.admin_view(self.attention_act_view),
                name="attention_act",
            ),
            *super().get_urls(),
        ]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return super().index(request, {**_context(_staff(request)), **(extra_context or {})})

    def attention_view(self, request: HttpRequest) -> HttpResponse:
        """The list alone, for htmx. Anybody else is redirected to the page that contains it."""
        if not getattr(request, "htmx", False):
            return redirect("admin:index")
        return render(request, "admin/attention/list.html", _context(_staff(request)))

    def attention_act_view(
        self, request: HttpRequest, kind: str, key: str, act: str
    ) -> HttpResponse:
        """Runs one act. Responds with the row's replacement to htmx, else with a redirect."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        staff, source = _staff(request), find_source(kind)
        if source is None or act not in {*source.acts, *source.undos, UNDO}:
            raise Http404("No such act.")
        if not source.may_see(staff):
            raise PermissionDenied
        if act == UNDO:
            undone = text_parameter(request.POST, "request")
            outcome = _undo(source, staff, key=key, request_id=undone)
        else:
            value = text_parameter(request.POST, "value")
            outcome = run_act(source, staff, key=key, name=act, value=value)
        context = {"source": source, "key": key, "outcome": outcome}
        if getattr(request, "htmx", False):
            return self._fragment(request, context)
        return self._page(request, context)

    def show_again_view(self, request: HttpRequest) -> HttpResponse:
        """Shows all rows again that the member of staff has put away."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        show_all_again(member_id=_staff(request).pk)
        return redirect("admin:index")

    def _fragment(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """The row's replacement, and the counts beside it. 422 if the act was refused."""
        staff, outcome = _staff(request), context["outcome"]
        counts = attention_counts(staff)
        keep_total(staff, counts.total)
        context |= {
            "count": number(counts.by_kind.get(context["source"].kind, 0)),
            "total": counts.total,
            "total_number": number(counts.total),
            "put_away": counts.put_away,
            "checked": _checked(sources_for(staff)),
        }
        status = 422 if outcome.row and not outcome.done else 200
        return render(request, "admin/attention/outcome.html", context, status=status)

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """A redirect to the list, with a message that offers to undo the act.

        A link is shown at once instead, since it is not stored, not even in a message.
        """
        outcome: Outcome = context["outcome"]
        if outcome.done is None:
            messages.warning(request, outcome.reason)
        elif outcome.done.link:
            shared = {**self.each_context(request), "title": outcome.done.sentence}
            return render(request, "admin/attention/link.html", shared | context)
        else:
            message = render_to_string("admin/attention/message.html", context, request)
            # An undo of the source comes with the message; else the audit log may have one.
            tag = "" if outcome.done.undo else undo_tag()
            messages.success(request, mark_safe(message), extra_tags=tag)  # noqa: S308 from a template
        return redirect("admin:index")


def _undo(source: Source, staff: User, *, key: str, request_id: str) -> Outcome:
    """Undoes what the audit log has of an act on a row, which is open again then."""
    result = undo_request(request_id=request_id, by=staff)
    sentences = refusal_sentences(result)
    if result.entries:
        sentences = [f"{undone_sentence(result.entries)}.", *sentences]
        done = Done(sentence=" ".join(sentences))
        return Outcome(done=done, row=source.row(staff, key))
    return Outcome(reason=" ".join(sentences) or NOTHING_TO_UNDO)


def _staff(request: HttpRequest) -> User:
    assert request.user.is_authenticated
    return request.user


def _checked(sources: list[Source]) -> str:
    """What was checked, for the empty list: "workers, disk space, failed videos"."""
    return ", ".join(source.checked for source in sources)


def _context(staff: User) -> dict[str, Any]:
    sections = sections_for(staff)
    total = total_of([section.count for section in sections])
    keep_total(staff, total)
    return {
        "sections": [section for section in sections if section.rows or section.problem],
        "checked": _checked([section.source for section in sections]),
        "total": total,
        "total_number": number(total),
        "put_away": sum(section.put_away for section in sections),
    }
