"""The second step of the log-in: a code, a recovery code or a passkey (accounts.log_ins)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import AnswerForm, CodeForm, RecoveryCodeForm
from accounts.log_ins import (
    finish_second_step,
    set_challenge,
    take_challenge,
    waiting_member,
)
from accounts.services.passkeys import (
    NOT_VERIFIED,
    log_in_options,
    place_of,
    usable_passkeys,
    use_passkey,
)
from accounts.services.second_factor import (
    WRONG_CODE,
    WRONG_RECOVERY_CODE,
    use_code,
    use_recovery_code,
)
from clipset.lib.refusals import RateLimitedError
from clipset.lib.requests import with_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms
    from django.http import HttpRequest, HttpResponse

    from accounts.models import User

FEW_CODES = 2  # recovery codes that are left


def _page(request: HttpRequest, user: User, status: int = 200, **given: object) -> HttpResponse:
    """Renders the page with new options for a passkey. Three queries."""
    place = place_of(request)
    passkeys = usable_passkeys(user, place=place)
    options = ""
    if passkeys:
        made, challenge = log_in_options(passkeys, place=place)
        set_challenge(request, challenge)
        options = json.dumps(made)
    context = {
        "code_form": CodeForm(),
        "recovery_form": RecoveryCodeForm(),
        "options": options,
        "has_app": user.authenticator_apps.exists(),
        "has_passkey": bool(passkeys) or user.passkeys.exists(),
        "is_about_code": "recovery_form" not in given,
        **given,
    }
    return render(request, "accounts/second_factor/step.html", context, status=status)


def _expired(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        messages.error(request, "That took too long. Log in again.")
    return redirect("login")


@login_not_required
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    user = waiting_member(request)
    if user is None:
        return _expired(request) if request.method == "POST" else redirect("login")
    if request.method != "POST":
        return _page(request, user)
    form = CodeForm(request.POST)
    if _is_right(
        form, "code", WRONG_CODE, lambda code: use_code(user=user, code=code, request=request)
    ):
        return finish_second_step(request, user)
    return _refused(request, user, form, code_form=form)


@login_not_required
@never_cache
@sensitive_post_parameters("recovery_code")
@require_POST
def recovery(request: HttpRequest) -> HttpResponse:
    user = waiting_member(request)
    if user is None:
        return _expired(request)
    form = RecoveryCodeForm(request.POST)
    if _is_right(
        form,
        "recovery_code",
        WRONG_RECOVERY_CODE,
        lambda code: use_recovery_code(user=user, code=code, request=request),
    ):
        response = finish_second_step(request, user)
        messages.warning(request, _what_is_left(user))
        return response
    return _refused(request, user, form, recovery_form=form)


def _what_is_left(user: User) -> str:
    left = user.recovery_codes.filter(used_at=None).count()
    sentence = f"Recovery code used. You have {left} left."
    return f"{sentence} Create new ones in your settings." if left <= FEW_CODES else sentence


def _is_right(
    form: CodeForm | RecoveryCodeForm, field: str, wrong: str, use: Callable[[str], bool]
) -> bool:
    """Uses up what was typed. If it is wrong, the form says so, also of too many tries."""
    if not form.is_valid():
        return False
    try:
        if use(form.cleaned_data[field]):
            return True
        form.add_error(field, wrong)
    except RateLimitedError as error:
        form.add_error(None, error.sentence)
        form.refusal = error
    return False


def _refused(
    request: HttpRequest, user: User, form: CodeForm | RecoveryCodeForm, **given: forms.Form
) -> HttpResponse:
    if form.refusal is None:
        return _page(request, user, status=422, **given)
    page = _page(request, user, status=form.refusal.status, **given)
    return with_headers(page, form.refusal.headers)


@login_not_required
@never_cache
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    user = waiting_member(request)
    if user is None:
        return _expired(request)
    challenge = take_challenge(request)
    form = AnswerForm(request.POST)
    if (
        challenge is not None
        and form.is_valid()
        and use_passkey(
            user=user,
            answer=form.cleaned_data["answer"],
            challenge=challenge,
            place=place_of(request),
        )
    ):
        return finish_second_step(request, user)
    return _page(request, user, status=422, passkey_error=NOT_VERIFIED)
