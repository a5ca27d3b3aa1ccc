"""Context processor: the unread notifications in the top bar."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

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
