"""A member's notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from clipset.lib.requests import is_next_page
from videos.access import own_notification
from videos.selectors.notifications import notification_page, notification_url
from videos.services.notifications import mark_all_read, mark_read

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest


@require_safe
def notifications(request: MemberRequest) -> HttpResponse:
    page = notification_page(viewer=request.user, after=request.GET.get("after", ""))
    template = "rows.html" if is_next_page(request) else "list.html"
    return render(request, f"videos/notifications/{template}", {"page": page})


@require_safe
def notification(request: MemberRequest, notification_id: int) -> HttpResponse:
    """Redirects to what the notification is about, and marks it as read."""
    found = own_notification(request, notification_id)
    if request.method == "GET":
        mark_read(notification=found)
    return redirect(notification_url(found, viewer=request.user))


@require_POST
def read_all(request: MemberRequest) -> HttpResponse:
    mark_all_read(member=request.user)
    return redirect("notifications")
