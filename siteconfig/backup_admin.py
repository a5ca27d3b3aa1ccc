"""The page Backups in the admin, for admins only.

It shows the state of the backups, a button to take one, and the commands for restoring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path

from clipset.ui.admin import GuardedAdmin
from siteconfig.backup.errors import BackupError, hide_login
from siteconfig.backup.overview import overview, restore_commands
from siteconfig.models import BackupRun
from siteconfig.services.backups import request_backup

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.urls import URLPattern

    from siteconfig.backup.overview import Stored

PAGE = "admin:siteconfig_backuprun_changelist"
# Examples, as in docs/operations.md.
ENV_LINES = (
    "BACKUP_REPOSITORY=/mnt/backup/clipset",
    "BACKUP_PASSWORD_FILE=/etc/clipset/backup-password",
)


@admin.register(BackupRun)
class BackupRunAdmin(GuardedAdmin[BackupRun]):
    """Runs are created and changed by the backup only."""

    # Not the repository's address, which may contain a password.
    fields = [
        "state",
        "started_at",
        "finished_at",
        "requested_by",
        "snapshot_id",
        "videos_total",
        "files_total",
        "bytes_total",
        "bytes_added",
        "checked_all",
        "error",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BackupRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BackupRun | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: BackupRun | None = None) -> bool:
        return request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def get_urls(self) -> list[URLPattern]:
        run = self.admin_site.admin_view(self.run_view)
        return [path("run/", run, name="siteconfig_backuprun_run"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows an overview instead of a list of runs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        view = overview()
        chosen = _chosen(view.stored, request.GET.get("backup", ""))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Backups",
            "view": view,
            "repository": hide_login(settings.BACKUP_REPOSITORY),
            "keep": _kept(),
            "hour": _hour(),
            "env": ENV_LINES,
            "chosen": chosen,
            "commands": restore_commands(chosen.short_id) if chosen else [],
        }
        return TemplateResponse(request, "admin/siteconfig/backuprun/page.html", context)

    def run_view(self, request: HttpRequest) -> Any:
        """Requests a backup from a worker."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert request.user.is_authenticated
        try:
            request_backup(requested_by=request.user)
        except BackupError as error:
            self.message_user(request, str(error), messages.WARNING)
        return redirect(PAGE)


def _chosen(stored: list[Stored], wanted: str) -> Stored | None:
    """Returns the backup with the short id in the address, else the newest."""
    named = (each for each in stored if each.short_id == wanted)
    return next(named, stored[0] if stored else None)


def _kept() -> str:
    """Returns BACKUP_KEEP as a text, such as "7 daily, 4 weekly, 6 monthly backups"."""
    return ", ".join(f"{n} {period}" for period, n in settings.BACKUP_KEEP.items()) + " backups"


def _hour() -> str:
    """Returns BACKUP_HOUR as a text, such as "03:00 (Europe/Berlin)"."""
    return f"{settings.BACKUP_HOUR:02}:00 ({ZoneInfo(settings.QUOTA_RESET_TIMEZONE)})"
