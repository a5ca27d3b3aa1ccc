"""The deletion of one's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.confirming import member_of, needs_confirmation
from accounts.models import User
from accounts.selectors import counts_of_members
from accounts.services.leaving import (
    GRACE_DAYS,
    check_may_leave,
    keep_account,
    leaves_at,
    leaving_of,
    request_leaving,
)
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Says what goes with the account, and begins the days of grace."""
    return _leave(request) if request.method == "POST" else _page(request)


@needs_confirmation
def _leave(request: HttpRequest) -> HttpResponse:
    try:
        leaving = request_leaving(user=member_of(request))
    except ValidationError:
        return _page(request, status=422)
    logout(request)
    day = f"{leaves_at(leaving):%-d %B}"
    messages.success(
        request, f"Your account will be deleted on {day}. Log in before then to keep it."
    )
    return redirect("login")


@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """Keeps the account."""
    if keep_account(user=member_of(request)):
        messages.success(request, "Account kept")
    return redirect("settings")


def _page(request: HttpRequest, status: int = 200) -> HttpResponse:
    user = member_of(request)
    leaving = leaving_of(user)
    counts = counts_of_members(User.objects.filter(pk=user.pk))
    del counts["members"]
    context = {
        "leaves_at": leaving and leaves_at(leaving),
        "refusal": "" if leaving else _refusal(user),
        "counts": {what: count for what, count in counts.items() if count != "0"},
        "grace_days": GRACE_DAYS,
        "trash_days": current_config().trash_days,
    }
    return render(request, "accounts/delete.html", context, status=status)


def _refusal(user: User) -> str:
    """Returns why the member can't leave, "" if they can."""
    try:
        check_may_leave(user)
    except ValidationError as error:
        return str(error.messages[0])
    return ""
