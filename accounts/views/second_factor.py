"""The pages on which members set up their second factor."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import segno
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.confirming import member_of, needs_confirmation
from accounts.forms import AppForm, FactorNameForm, PasskeyForm
from accounts.log_ins import set_challenge, take_challenge
from accounts.selectors import device_name, second_factor_state
from accounts.services.passkeys import (
    NOT_VERIFIED,
    add_passkey,
    place_of,
    registration_options,
)
from accounts.services.second_factor import (
    add_authenticator_app,
    create_recovery_codes,
    find_factor,
    is_last_factor,
    needs_second_factor,
    remove_factor,
    rename_factor,
)
from accounts.services.second_factor_dates import is_overdue
from clipset.lib.totp import new_secret, setup_uri
from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from accounts.models import AuthenticatorApp, Passkey

_SETUP: Final = "authenticator_setup"
SETUP_SECONDS: Final = 30 * 60
form_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What is set up. Staff whose date is over get no other page."""
    user, place = member_of(request), place_of(request)
    context = {
        "second_factor": second_factor_state(
            user, host=place.host, takes_passkeys=place.takes_passkeys
        ),
        "is_overdue": is_overdue(user),
    }
    return render(request, "accounts/second_factor/overview.html", context)


# -- An authenticator app -------------------------------------------------------------------------
@form_methods
@sensitive_post_parameters("code")
@needs_confirmation
def app_add(request: HttpRequest) -> HttpResponse:
    """Shows a new secret and adds the app that knows it.

    The session keeps the secret until then, for SETUP_SECONDS. Later no page shows it again.
    """
    secret = _setup_secret(request)
    if request.method != "POST":
        form = AppForm(initial={"name": "Phone"})
        return _app_page(request, form, secret or _start_setup(request))
    if secret is None:
        # Too late, or sent twice: then the app is there already.
        messages.error(
            request, "That page has expired. If your app isn't listed here, add it again."
        )
        return redirect("second_factor")
    form = AppForm(request.POST)
    codes = _add_app(request, form, secret)
    return _app_page(request, form, secret, 422) if codes is None else _added(request, codes)


def _add_app(request: HttpRequest, form: AppForm, secret: str) -> list[str] | None:
    """Returns the recovery codes that are new, or None if the form says what is wrong."""
    if not form.is_valid():
        return None
    try:
        codes = add_authenticator_app(user=member_of(request), secret=secret, **form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, error)
        return None
    del request.session[_SETUP]
    return codes


def _setup_secret(request: HttpRequest) -> str | None:
    kept = request.session.get(_SETUP)
    if kept is None or abs(time.time() - kept["at"]) > SETUP_SECONDS:
        return None
    return str(kept["secret"])


def _start_setup(request: HttpRequest) -> str:
    secret = new_secret()
    request.session[_SETUP] = {"secret": secret, "at": time.time()}
    return secret


def _app_page(request: HttpRequest, form: AppForm, secret: str, status: int = 200) -> HttpResponse:
    issuer = f"Clipset ({urlsplit(site_url()).hostname})"
    uri = setup_uri(secret, account=member_of(request).username, issuer=issuer)
    context = {
        "form": form,
        "qr_code": _qr_code(uri),
        "uri": uri,
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
    }
    return render(request, "accounts/second_factor/app.html", context, status=status)


def _qr_code(text: str) -> SafeString:
    """Returns an SVG, dark on white also in the dark theme, since scanners expect that."""
    code = segno.make_qr(text, error="m")
    drawn = code.svg_inline(dark="#000", light="#fff", border=4, omitsize=True, svgclass="qr-code")
    return mark_safe(drawn)  # noqa: S308 paths only


# -- A passkey ------------------------------------------------------------------------------------
@form_methods
@needs_confirmation
def passkey_add(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    if not place.takes_passkeys:
        return render(
            request,
            "accounts/second_factor/no_passkey.html",
            {"host": place.host},
            status=422 if request.method == "POST" else 200,
        )
    if request.method != "POST":
        name = device_name(request.headers.get("User-Agent", ""))
        return _passkey_page(request, PasskeyForm(initial={"name": name}))
    form = PasskeyForm(request.POST)
    codes = _add_passkey(request, form)
    return _passkey_page(request, form, 422) if codes is None else _added(request, codes)


def _add_passkey(request: HttpRequest, form: PasskeyForm) -> list[str] | None:
    """Returns the recovery codes that are new, or None if the form says what is wrong."""
    challenge = take_challenge(request)
    if challenge is None:
        form.add_error(None, NOT_VERIFIED)
    if challenge is None or not form.is_valid():
        return None
    try:
        return add_passkey(
            user=member_of(request),
            challenge=challenge,
            place=place_of(request),
            **form.cleaned_data,
        )
    except ValidationError as error:
        form.add_error(None, error)
        return None


def _passkey_page(request: HttpRequest, form: PasskeyForm, status: int = 200) -> HttpResponse:
    made, challenge = registration_options(member_of(request), place=place_of(request))
    set_challenge(request, challenge)
    context = {"form": form, "options": json.dumps(made)}
    return render(request, "accounts/second_factor/passkey.html", context, status=status)


# -- What both have -------------------------------------------------------------------------------
def _added(request: HttpRequest, codes: list[str]) -> HttpResponse:
    if codes:
        return _codes_page(request, codes)
    messages.success(request, "Second factor added")
    return redirect("second_factor")


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Shows recovery codes for the only time: they are not stored, so nothing leads here again."""
    return render(request, "accounts/second_factor/codes.html", {"codes": codes})


@form_methods
@needs_confirmation
def codes(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "accounts/second_factor/new_codes.html")
    try:
        made = create_recovery_codes(user=member_of(request))
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("second_factor")
    return _codes_page(request, made)


@form_methods
@needs_confirmation
def edit(request: HttpRequest, factor_id: UUID) -> HttpResponse:
    factor = _factor(request, factor_id)
    form = FactorNameForm(request.POST if request.method == "POST" else {"name": factor.name})
    if request.method == "POST" and form.is_valid():
        rename_factor(factor=factor, name=form.cleaned_data["name"])
        messages.success(request, f"Renamed to {form.cleaned_data['name']}")
        return redirect("second_factor")
    user = member_of(request)
    is_last = is_last_factor(user)
    context = {
        "form": form,
        "factor": factor,
        "is_last": is_last,
        "is_needed": is_last and needs_second_factor(user),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/second_factor/edit.html", context, status=status)


@require_POST
@needs_confirmation
def remove(request: HttpRequest, factor_id: UUID) -> HttpResponse:
    factor = _factor(request, factor_id)
    try:
        remove_factor(user=member_of(request), factor=factor)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, f"{factor.name} removed")
    return redirect("second_factor")


def _factor(request: HttpRequest, factor_id: UUID) -> AuthenticatorApp | Passkey:
    factor = find_factor(member_of(request), factor_id)
    if factor is None:
        raise Http404("No such second factor.")
    return factor
