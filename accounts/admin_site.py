"""The admin site, which records who logs in and counts wrong passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import logout
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.forms import AdminLoginForm, AdminPasswordForm
from accounts.models import User
from accounts.new_devices import note_log_in
from accounts.services.audit import record_log_in
from accounts.services.members import end_other_sessions
from clipset.ui.refusals import refused_in_form
from siteconfig.attention_site import AttentionSite

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.services.tries import TooManyTriesError


class RecordedSite(AttentionSite):
    login_form = AdminLoginForm

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's page. It redirects a POST only after a log-in, else it shows its form again."""
        response = super().login(request, extra_context)
        if refusal := _refusal(response):
            assert isinstance(response, TemplateResponse)
            return refused_in_form(request, refusal, response)
        if request.method == "POST" and response.status_code == 302:
            assert request.user.is_authenticated
            # Not one transaction with the log-in, since Django's page also checks the password,
            # which takes long.
            try:
                record_log_in(request.user)
            except DatabaseError:
                logout(request)
                raise
            assert isinstance(request.user, User)
            # Staff who come here for the first time were invited on the site, or set it up.
            note_log_in(response, request=request, account=request.user, is_first=False)
        return response

    def password_change(  # type: ignore[override] # plain text for scripts
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's page, with a form that counts wrong tries of the current password. A new
        password ends all other sessions; their rows go, too."""
        request.current_app = self.name
        response = PasswordChange.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )(request)
        assert isinstance(response, HttpResponse)
        if request.method == "POST" and response.status_code == 302:
            assert isinstance(request.user, User)
            end_other_sessions(user=request.user, keep=request.session.session_key)
        refusal = _refusal(response)
        return response if refusal is None else refused_in_form(request, refusal, response)


class PasswordChange(auth_views.PasswordChangeView):
    form_class = AdminPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


def _refusal(response: HttpResponse) -> TooManyTriesError | None:
    """What the form in a page says about too many wrong tries."""
    context = getattr(response, "context_data", None) or {}
    return getattr(context.get("form"), "too_many", None)
