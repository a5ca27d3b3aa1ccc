"""Pending removals of files in the admin, read-only, and how much is set aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.utils import timezone

from clipset.database.limited import limited_count
from clipset.lib.units import human_bytes
from clipset.ui.admin import GuardedAdmin
from videos.models import Removal
from videos.services.removals import removals_are_paused
from videos.services.set_aside import set_aside_size

if TYPE_CHECKING:
    from django.http import HttpRequest

# The text of an OSError: number, reason and path. The path is already in the row's own columns.
_OS_ERROR: Final = re.compile(r"\[Errno \d+\] (?P<reason>.+?)(?:: '.*')?")


@admin.register(Removal)
class RemovalAdmin(GuardedAdmin[Removal]):
    """The list of files that workers remove. Only services write these rows."""

    list_display = ["key", "root", "reason", "next_try_at", "tries", "error"]
    list_filter = ["reason"]
    search_fields = ["key"]

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
        failing = Removal.objects.exclude(last_error="").filter(due_at__lte=timezone.now())
        context = {
            "is_any_waiting": Removal.objects.exists(),
            "failing": limited_count(failing),
            "is_paused": removals_are_paused(),
            "files": files,
            "size": human_bytes(size),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description="Last error", empty_value="", ordering="last_error")
    def error(self, removal: Removal) -> str:
        """Returns only the reason. The removal's own page has the whole error."""
        found = _OS_ERROR.fullmatch(removal.last_error)
        return found["reason"] if found else removal.last_error
