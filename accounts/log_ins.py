"""The log-in in two steps. Nothing else logs somebody in.

After the right password of a member with a second factor, nobody is logged in yet: the session only
notes who may go on to the second step, for a few minutes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare

from accounts.confirming import note_confirmation
from accounts.models import User
from accounts.new_devices import note_log_in
from accounts.services.audit import record_log_in
from accounts.services.leaving import leaving_of
from accounts.services.second_factor_dates import has_second_factor
from accounts.sessions import SessionStore

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

BACKEND: Final = "accounts.backends.UsernameOrEmailBackend"
SECOND_STEP_SECONDS: Final = 10 * 60
_WAITING: Final = "second_step"
_CHALLENGE: Final = "second_step_challenge"


class TwoStepLogin(auth_views.LoginView):
    """Django's log-in page, which leads members with a second factor to the second step."""

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        if has_second_factor(user):
            start_second_step(self.request, user, leads_to=self.get_success_url())
            return redirect("second_step")
        return complete_log_in(self.request, user, leads_to=self.get_success_url())


def start_second_step(request: HttpRequest, user: User, *, leads_to: str) -> None:
    """Notes in the session that this member has given the right password."""
    request.session.pop(_CHALLENGE, None)
    request.session[_WAITING] = {
        "member": str(user.pk),
        # A new password ends what began with the old one.
        "hash": user.get_session_auth_hash(),
        "at": time.time(),
        "leads_to": leads_to,
    }


def waiting_member(request: HttpRequest) -> User | None:
    """Returns the member who may do the second step in this session. At most one query."""
    waiting = request.session.get(_WAITING)
    if waiting is None:
        return None
    if abs(time.time() - waiting["at"]) > SECOND_STEP_SECONDS:
        forget_second_step(request)
        return None
    user = User.objects.able_to_log_in().filter(pk=waiting["member"]).first()
    if user is None or not constant_time_compare(waiting["hash"], user.get_session_auth_hash()):
        forget_second_step(request)
        return None
    return user


def forget_second_step(request: HttpRequest) -> None:
    request.session.pop(_WAITING, None)
    request.session.pop(_CHALLENGE, None)


def set_challenge(request: HttpRequest, challenge: str) -> None:
    request.session[_CHALLENGE] = challenge


def take_challenge(request: HttpRequest) -> str | None:
    """Returns the challenge of the last page that offered a passkey. Each is accepted once."""
    challenge: str | None = request.session.pop(_CHALLENGE, None)
    return challenge


def finish_second_step(request: HttpRequest, user: User) -> HttpResponse:
    """Logs the member in. Returns the redirect to where the log-in leads.

    Raises: SessionInterrupted if another request has just finished this step. So an answer of a
    passkey that does not count its uses can't be used twice at once either.
    """
    leads_to = str(request.session[_WAITING]["leads_to"])
    assert isinstance(request.session, SessionStore)  # SESSION_ENGINE
    with transaction.atomic():
        if not request.session.renew_key():
            raise SessionInterrupted("Another request has finished the second step.")
        return complete_log_in(request, user, leads_to=leads_to)


def complete_log_in(request: HttpRequest, user: User, *, leads_to: str) -> HttpResponse:
    """Logs somebody in, under a new session key, and records it if they are staff.

    Tells them if their account has not been used on this device. Returns a redirect to `leads_to`,
    or to where they can keep their account if they have asked for its deletion. Somebody who was
    deactivated or deleted meanwhile, or has another password, gets no session and is asked again.
    """
    forget_second_step(request)  # also that of somebody else, who began it in this browser
    is_first = user.last_login is None
    with transaction.atomic():
        if not _may_still_log_in(user):
            return redirect("login")
        before = request.session.session_key
        login(request, user, backend=BACKEND)
        if request.session.session_key == before:
            # Of the same member. A stolen copy must not be confirmed with it, and ends here.
            request.session.cycle_key()
        note_confirmation(request)
        record_log_in(user)
        response = redirect("settings_delete" if leaving_of(user) is not None else leads_to)
        note_log_in(response, request=request, account=user, is_first=is_first)
        # Here, while the member is locked, so that what ends their sessions afterwards finds it.
        request.session.save()
    return response


def _may_still_log_in(user: User) -> bool:
    """Locks the member until the transaction ends. Returns whether what was compared still counts.

    Hashing takes long, and a session that is stored after a deactivation would come back with the
    member.
    """
    able = User.objects.able_to_log_in().filter(pk=user.pk, password=user.password)
    return bool(able.select_for_update(no_key=True).values_list("pk"))
