"""The admin site. Its log-in counts wrong passwords and asks for the second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.forms import AdminLoginForm, AdminPasswordForm
from accounts.log_ins import TwoStepLogin
from accounts.models import User
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
        """Django's page (AdminSite.login), but with the view that knows the second step."""
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        context = {
            **self.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index")
        request.current_app = self.name
        response = TwoStepLogin.as_view(
            extra_context=context,
            authentication_form=AdminLoginForm,
            template_name=self.login_template or "admin/login.html",
        )(request)
        assert isinstance(response, HttpResponse)
        refusal = _refusal(response)
        return response if refusal is None else refused_in_form(request, refusal, response)

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
