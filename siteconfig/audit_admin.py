"""The audit log in the admin: a list with filters, an entry's page, a download, and undo.

Nobody adds, changes or deletes entries. Admins read all of them, moderators a part
(siteconfig.selectors.audit_log).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from clipset.lib.query_parameters import int_parameter, text_parameter
from clipset.lib.refusals import RefusedError
from clipset.lib.requests import is_htmx
from clipset.ui.admin import GuardedAdmin
from clipset.ui.undo_tags import TAKES_FOCUS
from siteconfig.audit_csv import csv_lines
from siteconfig.audit_forms import LogFilterForm
from siteconfig.models import AuditEntry
from siteconfig.selectors.audit_log import log_page, may_read, row_of
from siteconfig.services.audit import record
from siteconfig.services.undo import UndoneRequest, undo_entry, undo_request
from siteconfig.undo_sentences import say_undone

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.urls import URLPattern

PAGE = "admin:siteconfig_auditentry_changelist"


@admin.register(AuditEntry)
class AuditEntryAdmin(GuardedAdmin[AuditEntry]):
    """Read-only. Its pages are its own, since Django's lists count rows and skip over them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        if obj is None:
            return bool(request.user.is_staff and request.user.is_active)
        return may_read(obj, request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_view), name="siteconfig_auditentry_export"),
            path("undo/", wrap(self.undo_view), name="siteconfig_auditentry_undo"),
            *super().get_urls(),
        ]

    # -- Reading ----------------------------------------------------------------------------------
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows the newest entries that fit the filters, or older ones (`before`)."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        self._only_readers(request)
        form = LogFilterForm(request.GET, reader=request.user)
        before = int_parameter(request.GET, "before")
        shown = log_page(request.user, form.wanted, before=before)
        context = {
            "form": form,
            "log": shown,
            "before": before,
            "filters": form.query(),
            "hidden": form.parameters(),
        }
        return self._page(request, "page", "Audit log", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Shows one entry."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        entry = self._entry(request, object_id)
        row = row_of(entry, request.user)
        undid = AuditEntry.objects.filter(pk=entry.undoes).first() if entry.undoes else None
        if undid is not None and not may_read(undid, request.user):
            undid = None
        return self._page(request, "entry", row.sentence, {"row": row, "undid": undid})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Redirects to the entry: it never changes, so it has no history of its own."""
        entry = self._entry(request, object_id)
        return redirect("admin:siteconfig_auditentry_change", entry.pk)

    def _only_readers(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _entry(self, request: HttpRequest, object_id: str) -> AuditEntry:
        """Returns an entry that the request's user may read. Raises: Http404, PermissionDenied."""
        self._only_readers(request)
        key = int_parameter({"id": object_id}, "id")
        entry = AuditEntry.objects.filter(pk=key).first() if key is not None else None
        if entry is None or not may_read(entry, request.user):
            raise Http404("No such entry.")
        return entry

    # -- Download ---------------------------------------------------------------------------------
    def export_view(self, request: HttpRequest) -> Any:
        """Sends the entries that fit the filters as CSV, in pieces, and records that."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._only_readers(request)
        form = LogFilterForm(request.POST, reader=request.user)
        record("audit.export", None, name="Audit log", after={"filters": form.in_words()})
        response = StreamingHttpResponse(
            csv_lines(request.user, form.wanted), content_type="text/csv; charset=utf-8"
        )
        name = f"audit-log-{timezone.localtime():%Y-%m-%d-%H%M}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    # -- Undo -------------------------------------------------------------------------------------
    def undo_view(self, request: HttpRequest) -> HttpResponse:
        """Undoes the act of an entry (`entry`), or all acts of a request (`request`).

        Returns to the page `next`. htmx loads its own page again, which keeps the place in it.
        """
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._only_readers(request)
        is_done = True
        if "entry" in request.POST:
            is_done = self._undo_entry(request)
        else:
            wanted = text_parameter(request.POST, "request")
            say_undone(request, undo_request(request_id=wanted, by=request.user))
        if is_htmx(request):
            return HttpResponse(headers={"HX-Refresh": "true"})
        # The row in `next` says that the act was undone; why it wasn't is said by the message.
        target = _next(request)
        return redirect(target if is_done else target.partition("#")[0])

    def _undo_entry(self, request: HttpRequest) -> bool:
        """Returns whether the act was undone."""
        entry = self._entry(request, request.POST["entry"])
        try:
            undo_entry(entry=entry, by=request.user)
        except RefusedError as error:
            messages.error(request, error.sentence, extra_tags=TAKES_FOCUS)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages), extra_tags=TAKES_FOCUS)
        else:
            say_undone(request, UndoneRequest([entry], []))
            return True
        return False

    def _page(
        self, request: HttpRequest, name: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        template = f"admin/siteconfig/auditentry/{name}.html"
        return TemplateResponse(request, template, {**shared, **context})


def _next(request: HttpRequest) -> str:
    """Returns the page of this site to go back to."""
    wanted = request.POST.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_safe and wanted.startswith("/") else reverse(PAGE)
