"""Context processors: the numbers in the top bar."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from videos.selectors import reports
from videos.selectors.notifications import MAX_COUNTED, unread_count

if TYPE_CHECKING:
    from django.http import HttpRequest


def notifications(request: HttpRequest) -> dict[str, object]:
    """Adds `unread_notifications`: "", "1" to "9", or "9+". One query, on pages that show it
    only."""

    @cache
    def unread_notifications() -> str:
        if not request.user.is_authenticated:
            return ""
        count = unread_count(request.user)
        return f"{MAX_COUNTED}+" if count > MAX_COUNTED else str(count or "")

    return {"unread_notifications": unread_notifications}


def open_reports(request: HttpRequest) -> dict[str, object]:
    """Adds `open_reports`, the number of reports that wait for this member of staff: "", "1" to
    "99", or "99+". One query, for staff and on pages that show it only."""

    @cache
    def open_reports() -> str:
        count = reports.open_reports_count(request.user)
        return f"{reports.MAX_COUNTED}+" if count > reports.MAX_COUNTED else str(count or "")

    return {"open_reports": open_reports}
