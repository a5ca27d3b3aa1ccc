"""The admin site, which records who logs in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.services.audit import record_log_in
from accounts.services.members import end_other_sessions
from siteconfig.attention_site import AttentionSite

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class RecordedSite(AttentionSite):
    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's page. It redirects a POST only after a log-in, else it shows its form again."""
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            assert request.user.is_authenticated
            # Not one transaction with the log-in, since Django's page also checks the password,
            # which takes long.
            try:
                record_log_in(request.user)
            except DatabaseError:
                logout(request)
                raise
        return response

    def password_change(  # type: ignore[override] # it also redirects
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's page, whose new password ends all other sessions; their rows go, too."""
        response = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            assert request.user.is_authenticated
            end_other_sessions(user=request.user, keep=request.session.session_key)
        return response
