"""The doctor's page in the admin, for admins only.

It shows the last result, with buttons to run the doctor again and to repair findings. A worker does
both; while it does, the page reloads itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import ngettext

from clipset.ui.admin import GuardedAdmin
from siteconfig.models import DoctorRun
from siteconfig.services.doctor import DoctorBusyError, is_active, last_run, request_run

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.urls import URLPattern

PAGE = "admin:siteconfig_doctorrun_changelist"
CHANGED = "The doctor has run again in the meantime. Check the new result first."
NOTHING_CHOSEN = "None of the selected findings can be repaired. Select at least one that can."
Findings = list[dict[str, Any]]


@admin.register(DoctorRun)
class DoctorRunAdmin(GuardedAdmin[DoctorRun]):
    """Runs are created and changed by the doctor only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DoctorRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DoctorRun | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: DoctorRun | None = None) -> bool:
        return request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("run/", wrap(self.run_view), name="siteconfig_doctorrun_run"),
            path("mend/", wrap(self.mend_view), name="siteconfig_doctorrun_mend"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows the last run instead of a list of runs."""
        self._only_admins(request)
        run = last_run()
        context = {
            "run": run,
            "is_active": run is not None and is_active(run),
            "findings": list(enumerate(run.findings)) if run else [],
            "can_mend": run is not None and bool(_mendable(run)),
            "hidden": run.found - len(run.findings) if run else 0,
        }
        return self._page(request, "page", "Doctor", context)

    def run_view(self, request: HttpRequest) -> Any:
        """Requests a run of the doctor from a worker."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._only_admins(request)
        assert request.user.is_authenticated
        try:
            request_run(requested_by=request.user)
        except DoctorBusyError as error:
            self.message_user(request, str(error), messages.WARNING)
        return redirect(PAGE)

    def mend_view(self, request: HttpRequest) -> Any:
        """Asks for confirmation, then requests the repair of the selected or of all findings."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._only_admins(request)
        assert request.user.is_authenticated
        run = last_run()
        if run is None or str(run.pk) != request.POST.get("run"):
            self.message_user(request, CHANGED, messages.WARNING)
            return redirect(PAGE)
        chosen = _chosen(run, request)
        if not chosen:
            self.message_user(request, NOTHING_CHOSEN, messages.WARNING)
            return redirect(PAGE)
        if "confirmed" not in request.POST:
            title = ngettext("Repair %(count)d finding", "Repair %(count)d findings", len(chosen))
            context = {"run": run, "findings": chosen}
            return self._page(request, "confirm", title % {"count": len(chosen)}, context)
        wanted = [(str(it["check"]), str(it["subject"])) for _, it in chosen]
        try:
            request_run(requested_by=request.user, wanted=wanted, is_fix=True)
        except DoctorBusyError as error:
            self.message_user(request, str(error), messages.WARNING)
        return redirect(PAGE)

    def _only_admins(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(
        self, request: HttpRequest, name: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        template = f"admin/siteconfig/doctorrun/{name}.html"
        return TemplateResponse(request, template, {**shared, **context})


def _mendable(run: DoctorRun) -> list[tuple[int, dict[str, Any]]]:
    """Returns the findings that can be repaired and were not, with their numbers in the run."""
    found: Findings = run.findings
    return [(i, it) for i, it in enumerate(found) if it["mend"] and it["mended"] is None]


def _chosen(run: DoctorRun, request: HttpRequest) -> list[tuple[int, dict[str, Any]]]:
    if "all" in request.POST:
        return _mendable(run)
    numbers = set(request.POST.getlist("finding"))
    return [(number, it) for number, it in _mendable(run) if str(number) in numbers]
