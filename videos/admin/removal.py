"""Files that are to be removed, to be looked at, and how much is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from clipset.lib.units import human_bytes, plural
from siteconfig.admin import GuardedAdmin
from videos.models import Removal
from videos.services.removals import removals_are_paused
from videos.services.set_aside import set_aside_size

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(Removal)
class RemovalAdmin(GuardedAdmin[Removal]):
    """Workers alone write these rows."""

    list_display = ["key", "root", "reason", "next_try_at", "tries", "last_error"]
    list_filter = ["reason"]
    search_fields = ["key"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Removal | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Removal | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        files, size = set_aside_size()
        said = f"{plural(files, 'file')} set aside ({human_bytes(size)})"
        if removals_are_paused():
            said += "; removals wait until the backup is over"
        return super().changelist_view(request, {"subtitle": said, **(extra_context or {})})
