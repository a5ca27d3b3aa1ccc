"""The change of a member's own e-mail address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.confirming import member_of, needs_confirmation
from accounts.forms import OwnEmailForm
from accounts.models import User
from accounts.services.email_changes import (
    cancel_change,
    confirm_change,
    find_change,
    request_change,
)
from accounts.views.settings import settings_page
from clipset.lib.refusals import RateLimitedError, RefusedError
from clipset.lib.requests import with_headers

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from accounts.models import EmailChange


@require_POST
@needs_confirmation
def email_change(request: HttpRequest) -> HttpResponse:
    """Asks for another address. It counts once the link that is sent there was opened."""
    user = User.objects.get(pk=member_of(request).pk)
    # The form's own row: a valid form puts the typed address into it.
    form = OwnEmailForm(request.POST, instance=User.objects.get(pk=user.pk))
    if not form.is_valid():
        return settings_page(request, status=422, email_form=form)
    email = form.cleaned_data["email"]
    if email == user.email:
        messages.info(request, "That is your e-mail address already")
        return redirect("settings")
    return _request_change(request, user, form)


def _request_change(request: HttpRequest, user: User, form: OwnEmailForm) -> HttpResponse:
    email = form.cleaned_data["email"]
    try:
        is_waiting = request_change(user=user, email=email)
    except RateLimitedError as error:
        form.add_error(None, error.sentence)
        page = settings_page(request, status=error.status, email_form=form)
        return with_headers(page, error.headers)
    except ValidationError as error:
        form.add_error("email", error.messages)
        return settings_page(request, status=422, email_form=form)
    sentence = f"Link sent to {email}" if is_waiting else "E-mail address changed"
    messages.success(request, sentence)
    return redirect("settings")


@require_POST
def email_cancel(request: HttpRequest) -> HttpResponse:
    cancel_change(user=member_of(request))
    messages.success(request, "Your e-mail address stays as it is")
    return redirect("settings")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link. Only its button confirms: programs that check mails open links."""
    user = User.objects.get(pk=member_of(request).pk)
    change = find_change(user=user, token=token)
    if change is None:
        return _link_page(request, None, status=410)
    if request.method != "POST":
        return _link_page(request, change)
    try:
        confirm_change(user=user, token=token)
    except RefusedError as error:
        return _link_page(request, change, sentence=error.sentence, status=error.status)
    messages.success(request, "E-mail address changed")
    return redirect("settings")


def _link_page(
    request: HttpRequest, change: EmailChange | None, *, sentence: str = "", status: int = 200
) -> HttpResponse:
    context = {"change": change, "sentence": sentence}
    response = render(request, "accounts/email_confirm.html", context, status=status)
    response["Referrer-Policy"] = "strict-origin"  # decision 12: the address contains a secret
    return response
