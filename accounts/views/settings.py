"""The settings page of the logged-in member: profile, avatar, password and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.confirming import note_confirmation
from accounts.forms import AvatarForm, OwnEmailForm, OwnPasswordForm, ProfileForm
from accounts.models import User
from accounts.selectors import second_factor_state, session_rows
from accounts.services.avatars import remove_avatar, set_avatar
from accounts.services.email_changes import waiting_change
from accounts.services.leaving import leaves_at, leaving_of
from accounts.services.members import end_other_sessions, end_session
from accounts.services.passkeys import place_of
from accounts.services.quota import quota_state
from accounts.services.stored_limit import stored_state
from clipset.lib.pictures import PictureError
from clipset.lib.requests import with_headers
from clipset.ui.refusals import refused_in_form

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpRequest, HttpResponse


def _member(request: HttpRequest) -> User:
    """Returns the logged-in member. The middleware has ensured that there is one."""
    assert isinstance(request.user, User)
    return request.user


def settings_page(
    request: HttpRequest, status: int = 200, **forms_given: forms.BaseForm
) -> HttpResponse:
    """The page, with these forms in place of new ones."""
    # The instance of a form with errors has the typed values. The page shows the stored ones.
    user = User.objects.get(pk=_member(request).pk)
    place = place_of(request)
    leaving = leaving_of(user)
    context = {
        "second_factor": second_factor_state(
            user, host=place.host, takes_passkeys=place.takes_passkeys
        ),
        "profile_form": ProfileForm(instance=user),
        "email_form": OwnEmailForm(instance=user),
        "waiting_email": waiting_change(user),
        "avatar_form": AvatarForm(),
        "password_form": OwnPasswordForm(user, request=request),
        "quota": quota_state(user),
        "stored": stored_state(user),
        "leaves_at": leaving and leaves_at(leaving),
        "sessions": session_rows(user, current=request.session.session_key),
        **forms_given,
    }
    return render(request, "accounts/settings.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return settings_page(request)
    form = _profile_form(request)
    if form.is_valid() and _is_saved(form):
        messages.success(request, "Profile saved")
        return redirect("settings")
    if form.is_valid():
        # Another member took the name meanwhile. A new form says so.
        form = _profile_form(request)
    return settings_page(request, status=422, profile_form=form)


def _profile_form(request: HttpRequest) -> ProfileForm:
    return ProfileForm(request.POST, instance=User.objects.get(pk=_member(request).pk))


def _is_saved(form: ProfileForm) -> bool:
    """Saves a valid form. Returns False if a unique constraint of the database refuses it."""
    try:
        with transaction.atomic():
            form.save()
    except IntegrityError:
        return False
    return True


@require_POST
def avatar_change(request: HttpRequest) -> HttpResponse:
    form = AvatarForm(request.POST, request.FILES)
    if not form.is_valid():
        return settings_page(request, status=422, avatar_form=form)
    try:
        set_avatar(user=_member(request), picture=form.cleaned_data["picture"])
    except PictureError as error:
        form.add_error("picture", str(error))
        return with_headers(
            settings_page(request, status=error.status, avatar_form=form), error.headers
        )
    messages.success(request, "Picture updated")
    return redirect("settings")


@require_POST
def avatar_remove(request: HttpRequest) -> HttpResponse:
    remove_avatar(user=_member(request))
    messages.success(request, "Picture removed")
    return redirect("settings")


@require_POST
def password_change(request: HttpRequest) -> HttpResponse:
    """Changes the password, which ends all other sessions: the session hash depends on it."""
    user = User.objects.get(pk=_member(request).pk)
    form = OwnPasswordForm(user, request.POST, request=request)
    if not form.is_valid():
        if form.too_many is not None:
            page = settings_page(request, password_form=form)
            return refused_in_form(request, form.too_many, page)
        return settings_page(request, status=422, password_form=form)
    _save_password(request, user, form)
    messages.success(request, "Password changed. You've been logged out on your other devices.")
    return redirect("settings")


def _save_password(request: HttpRequest, user: User, form: OwnPasswordForm) -> None:
    form.save()
    update_session_auth_hash(request, user)
    note_confirmation(request)
    end_other_sessions(user=user, keep=request.session.session_key)


@require_POST
def session_end(request: HttpRequest, session_id: str) -> HttpResponse:
    if not end_session(user=_member(request), session_id=session_id):
        raise Http404("No such session.")
    messages.success(request, "Logged out on that device")
    return redirect("settings")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    end_other_sessions(user=_member(request), keep=request.session.session_key)
    messages.success(request, "Logged out on all other devices")
    return redirect("settings")
