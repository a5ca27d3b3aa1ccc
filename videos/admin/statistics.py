"""The page Statistics in the admin, for moderators and admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse

from clipset.lib.query_parameters import int_parameter
from clipset.ui.admin import GuardedAdmin
from videos.models import DailyStatistics
from videos.selectors.statistics import DEFAULT_RANGE, RANGES, statistics

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(DailyStatistics)
class DailyStatisticsAdmin(GuardedAdmin[DailyStatistics]):
    """Only workers write the rows. They have no pages of their own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: DailyStatistics | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: DailyStatistics | None = None
    ) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: DailyStatistics | None = None) -> bool:
        """All staff: the page names members, as lists of videos do, but no addresses of e-mail."""
        return request.user.is_staff and obj is None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows charts instead of a list of days."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        days = int_parameter(request.GET, "days")
        view = statistics(days if days in RANGES else DEFAULT_RANGE)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Statistics",
            "view": view,
            "ranges": RANGES,
        }
        return TemplateResponse(request, "admin/videos/dailystatistics/page.html", context)
