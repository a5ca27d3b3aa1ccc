"""Asking members to confirm who they are before they change what an account depends on.

A session that was left open, or stolen, is not enough for that: the member must have given their
password in this session within CONFIRMED_FOR. A log-in counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec
from urllib.parse import urlencode

from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.forms import ConfirmForm
from accounts.models import User
from accounts.services.tries import TooManyTriesError, begin_try, note_right_try
from clipset.lib.requests import is_htmx, with_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest

CONFIRMED_FOR: Final = timedelta(minutes=10)
CONFIRMED_AT: Final = "confirmed_at"  # key in the session: a time in ISO 8601

NOT_RIGHT: Final = "That password isn't right. Try again."

_P = ParamSpec("_P")


def note_confirmation(request: HttpRequest) -> None:
    """Notes in the session that the member has just proved who they are.

    For log-ins and, besides the password, for other proofs such as passkeys.
    """
    request.session[CONFIRMED_AT] = timezone.now().isoformat()


def is_confirmed(request: HttpRequest) -> bool:
    """Returns whether the member has proved in this session, recently, who they are."""
    noted = request.session.get(CONFIRMED_AT)
    if not noted:
        return False
    age = timezone.now() - datetime.fromisoformat(noted)
    if age < timedelta():
        # Of a clock that was ahead. It must not count again when that time is reached.
        forget_confirmation(request)
    return timedelta() <= age < CONFIRMED_FOR


def forget_confirmation(request: HttpRequest) -> None:
    """The next sensitive change asks again."""
    request.session.pop(CONFIRMED_AT, None)


def needs_confirmation(
    view: Callable[Concatenate[HttpRequest, _P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _P], HttpResponse]:
    """Decorator of views that need a confirmation of the member.

    Without one, a GET leads to the page that asks for the password and back. A POST is answered by
    a page that asks for it and holds, hidden, what was sent; it is sent to the same address again,
    so that nothing has to be typed twice. Files are not kept: don't use it for forms with any.
    Scripts get 401, with the address of the page in the header HX-Redirect.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        if is_confirmed(request):
            return view(request, *args, **kwargs)
        if _is_by_script(request):
            return _refuse_script()
        if request.method != "POST":
            return redirect(confirm_address(request.get_full_path()))
        form = ConfirmForm(request.POST if ConfirmForm.FIELD in request.POST else None)
        if is_answered(request, form):
            return view(request, *args, **kwargs)
        return confirm_page(request, form, kept=_kept(request))

    return guarded


def is_answered(request: HttpRequest, form: ConfirmForm) -> bool:
    """Returns whether the form holds the member's password, and notes it in the session. If it does
    not, the form says why."""
    if not form.is_valid():
        return False
    member = member_of(request)
    try:
        attempt = begin_try(account=member, request=request)
    except TooManyTriesError as error:
        form.refusal = error
        form.add_error(None, error.sentence)
        return False
    if not member.check_password(form.cleaned_data[ConfirmForm.FIELD]):
        form.add_error(ConfirmForm.FIELD, NOT_RIGHT)
        return False
    note_right_try(attempt)
    # A stolen copy of the session's key must not be confirmed with it, and ends here. This also
    # keeps the session if the comparison has replaced an outdated hash, which it depends on.
    update_session_auth_hash(request, member)
    note_confirmation(request)
    return True


def confirm_page(
    request: HttpRequest, form: ConfirmForm, *, kept: Sequence[tuple[str, str]] = ()
) -> HttpResponse:
    """Returns the page that asks for the password, whose form leads to the address of the request.

    Args:
        kept: names and values of hidden fields.
    """
    has_password = member_of(request).has_usable_password()
    context = {"form": form, "kept": kept, "has_password": has_password}
    status = 422 if request.method == "POST" else 200
    if form.refusal is None:
        return render(request, "accounts/confirm.html", context, status=status)
    response = render(request, "accounts/confirm.html", context, status=form.refusal.status)
    return with_headers(response, form.refusal.headers)


def confirm_address(back: str) -> str:
    """Returns the address of the page that asks for the password and then leads to `back`."""
    return f"{reverse('settings_confirm')}?{urlencode({'next': back})}"


def address_behind(request: HttpRequest) -> str:
    """Returns the address within this site that `next` names, or that of the settings."""
    back = request.GET.get("next", "")
    is_within = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if is_within else reverse("settings")


def member_of(request: HttpRequest) -> User:
    """Returns the logged-in member. The middleware has ensured that there is one."""
    assert isinstance(request.user, User)
    return request.user


def _is_by_script(request: HttpRequest) -> bool:
    return is_htmx(request) or request.headers.get("Accept", "").startswith("application/json")


def _refuse_script() -> HttpResponse:
    response = HttpResponse("Enter your password first.", status=401, content_type="text/plain")
    response["HX-Redirect"] = confirm_address(reverse("settings"))
    return response


def _kept(request: HttpRequest) -> list[tuple[str, str]]:
    left_out = {"csrfmiddlewaretoken", ConfirmForm.FIELD}
    sent = request.POST.lists()
    return [(name, value) for name, values in sent if name not in left_out for value in values]
