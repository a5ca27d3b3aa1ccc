"""The admin page of the site's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

from clipset.ui.admin import GuardedAdmin
from siteconfig import (  # Django finds only this module
    audit_admin,  # noqa: F401
    backup_admin,  # noqa: F401
    doctor_admin,  # noqa: F401
)
from siteconfig.forms import ConfigForm
from siteconfig.models import Config
from siteconfig.services.config import current_config, save_config

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpRequest


@admin.register(Config)
class ConfigAdmin(GuardedAdmin[Config]):
    """One form, for admins only."""

    form = ConfigForm
    fieldsets = [
        (
            "Uploads",
            {
                "fields": [
                    "max_file_size_bytes",
                    "weekly_upload_limit_bytes",
                    "stored_limit_bytes",
                    "video_storage_path",
                ]
            },
        ),
        (
            "Processing",
            {
                "fields": [
                    "quality",
                    "max_short_side",
                    "make_720p",
                    "make_480p",
                    "offer_original_quality",
                    "encoder",
                ],
                "description": "Applies to new videos only.",
            },
        ),
        ("Original files", {"fields": ["keep_originals", "keep_originals_days"]}),
        ("Security", {"fields": ["staff_need_second_factor", "second_factor_grace_days"]}),
        ("Trash and audit log", {"fields": ["trash_days", "audit_log_days"]}),
        ("Last change", {"fields": ["updated_at", "updated_by"]}),
    ]
    readonly_fields = ["updated_at", "updated_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Config | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Config | None = None) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Config | None = None) -> bool:
        return request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Redirects to the form of the only row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("admin:siteconfig_config_change", current_config().pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {"show_save_and_continue": False, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Config, form: forms.Form, change: bool) -> None:
        assert request.user.is_authenticated
        save_config(obj, changed_by=request.user)
