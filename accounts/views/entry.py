"""Pages for visitors: log-in, registration and password reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.backends import client_address
from accounts.forms import FirstAdminForm, LoginForm, NewPasswordForm, RegisterForm, ResetForm
from accounts.log_ins import TwoStepLogin, complete_log_in
from accounts.models import User
from accounts.services.devices import remember_device
from accounts.services.invitations import (
    create_first_admin,
    find_invitation,
    is_setup_token,
    may_be_redeemed,
    redeem_invitation,
)
from accounts.services.members import end_other_sessions
from accounts.services.passwords import request_reset
from clipset.lib.refusals import RateLimitedError
from clipset.ui.refusals import refused_in_form

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from accounts.models import Invitation

# Django's own form views treat a PUT like a POST, so the methods are restricted here.
form_methods = require_http_methods(["GET", "HEAD", "POST"])


@method_decorator(form_methods, name="dispatch")
class Login(TwoStepLogin):
    form_class = LoginForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override] # form_class
        page = self.render_to_response(self.get_context_data(form=form), status=422)
        if form.too_many is None:
            return page
        return refused_in_form(self.request, form.too_many, page)


class Logout(auth_views.LogoutView):
    """Django's view, which accepts POST only. The member is expected back on this device."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        member = request.user if isinstance(request.user, User) else None
        response = super().post(request, *args, **kwargs)
        if member is not None:
            remember_device(response, account=member, request=request)
        return response


def with_secret_address(response: HttpResponse) -> HttpResponse:
    """Keeps the address of a page, which contains a secret, out of Referer headers and our own log.

    `no-referrer` would hide even the origin, but browsers then send the form with the origin
    `null`, which the CSRF check refuses (Fetch, "append a request `Origin` header").
    """
    response["Referrer-Policy"] = "strict-origin"
    return response


@login_not_required
@form_methods
def password_reset(request: HttpRequest) -> HttpResponse:
    form = ResetForm(request.POST or None)
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and settings.MAIL_IS_CONFIGURED and form.is_valid():
        try:
            request_reset(form.cleaned_data["email"], client=client_address(request))
        except RateLimitedError as error:
            form.add_error(None, error.sentence)
            status = error.status
        else:
            return redirect("password_reset_done")
    context = {"form": form, "mail_is_configured": settings.MAIL_IS_CONFIGURED}
    return render(request, "accounts/password_reset.html", context, status=status)


@login_not_required
@require_safe
def password_reset_done(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_reset_done.html")


@method_decorator([login_not_required, form_methods], name="dispatch")
class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    """Sets a new password, which ends all sessions: the session hash depends on the password."""

    form_class = NewPasswordForm
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("password_reset_complete")

    def get_user(self, uidb64: str) -> User | None:
        """Nobody who can't log in: whoever was locked out must not prepare a password for later."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.can_log_in else None

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        # The hash has ended the sessions; this also removes them from the member's list of
        # devices. This browser's session is still saved in this request; its next one drops it.
        end_other_sessions(user=self.user, keep=self.request.session.session_key)
        # So that a member gets in whose log-in somebody else delays by guessing.
        remember_device(response, account=self.user, request=self.request)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return with_secret_address(super().dispatch(*args, **kwargs))  # type: ignore[arg-type]


@login_not_required
@require_safe
def password_reset_complete(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_reset_complete.html")


@login_not_required
@never_cache
@sensitive_post_parameters("password1", "password2")
@form_methods
def register(request: HttpRequest, token: str) -> HttpResponse:
    """Redeems an invitation, or creates the first admin from the link printed at set-up."""
    invitation = find_invitation(token)
    if invitation is not None:
        return with_secret_address(_register_invited(request, invitation))
    if is_setup_token(token):
        return with_secret_address(_register_first_admin(request))
    raise Http404("No such invitation.")


def _register_invited(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if not may_be_redeemed(invitation):
        reason = "used" if invitation.used_at else "expired"
        return render(request, "accounts/invitation_closed.html", {"reason": reason}, status=410)
    form = RegisterForm(request.POST or None)
    form.instance.email = invitation.email
    if request.method == "POST" and form.is_valid():
        try:
            user = redeem_invitation(
                invitation=invitation,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password1"],
            )
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            return _welcome(request, user)
    return _render_register(request, form, invitation)


def _register_first_admin(request: HttpRequest) -> HttpResponse:
    form = FirstAdminForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = create_first_admin(
                username=form.cleaned_data["username"],
                email=form.cleaned_data["email"],
                password=form.cleaned_data["password1"],
            )
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            return _welcome(request, user)
    return _render_register(request, form, None)


def _render_register(
    request: HttpRequest, form: RegisterForm, invitation: Invitation | None
) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "invitation": invitation}
    return render(request, "accounts/register.html", context, status=status)


def _welcome(request: HttpRequest, user: User) -> HttpResponse:
    response = complete_log_in(request, user, leads_to=resolve_url("home"))
    messages.success(request, f"Welcome, {user.username}.")
    return response
