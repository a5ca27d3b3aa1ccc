"""Resetting a member's second factor in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path

from accounts.admin.shared import sensitive_for_oneself
from accounts.models import User
from accounts.services.second_factor import needs_second_factor, reset_second_factor
from accounts.services.second_factor_dates import has_second_factor
from clipset.ui.admin import GuardedAdmin

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from django.urls import URLPattern


class ResetsSecondFactor(GuardedAdmin[User]):
    """Adds the page that asks first, for admins only: it makes an account easier to take."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(sensitive_for_oneself(self.reset_second_factor_view))
        return [
            path(
                "<uuid:user_id>/reset-second-factor/",
                view,
                name="accounts_user_reset_second_factor",
            ),
            *super().get_urls(),
        ]

    @admin.display(description="Second factor")
    def second_factor(self, user: User) -> str:
        if has_second_factor(user):
            return "Set up"
        if user.second_factor_due_at is None:
            return "Not set up"
        return f"Not set up, needed by {user.second_factor_due_at:%-d %B %Y, %H:%M} UTC"

    def offers_second_factor_reset(self, request: HttpRequest, obj: User | None) -> bool:
        return bool(request.user.is_superuser and obj and has_second_factor(obj))

    def reset_second_factor_view(self, request: HttpRequest, user_id: UUID) -> Any:
        if not request.user.is_superuser:
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        user = get_object_or_404(User, pk=user_id)
        if request.method == "POST":
            if reset_second_factor(user=user):
                self.message_user(request, f"Second factor of {user.username} reset.")
            return redirect("admin:accounts_user_change", user.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": user,
            "title": f"Reset the second factor of {user.username}?",
            "is_needed": needs_second_factor(user),
        }
        return TemplateResponse(request, "admin/accounts/user/reset_second_factor.html", context)
