"""Attacks on the log-in in two steps, and on what a session may do afterwards."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.test import Client
from webauthn.helpers import bytes_to_base64url

from accounts.confirming import CONFIRMED_AT
from accounts.forms import ConfirmForm
from accounts.log_ins import complete_log_in, finish_second_step, start_second_step
from accounts.models import AuthenticatorApp, Passkey, Role, Session, User
from accounts.services.devices import cookie_name
from accounts.services.members import deactivate_member, delete_members, set_role
from accounts.services.second_factor import create_recovery_codes, remove_factor
from accounts.services.trash import trash_members
from accounts.sessions import SessionStore
from siteconfig.models import Config
from tests.accounts.second_factors import (
    SECRET,
    app_code,
    at_second_step,
    guarded_member,
    make_app,
)
from tests.accounts.test_second_factor import confirmed
from tests.accounts.together import together
from tests.builders import PASSWORD, make_admin, make_user

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def copy_of(client: Client) -> Client:
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    return thief


def request_in(store: SessionStore) -> HttpRequest:
    request = HttpRequest()
    request.session = store
    return request


# -- What changes between the two steps, or during one -------------------------------------------
def test_another_log_in_of_the_same_member_ends_a_stolen_session() -> None:
    """A copy of the key would be confirmed with it, and could take the account."""
    root = make_admin("root", password=PASSWORD)
    client = Client()
    client.force_login(root)
    thief = copy_of(client)
    client.post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert CONFIRMED_AT in client.session
    assert client.get("/settings/").status_code == 200
    assert thief.get("/settings/").status_code == 302


@pytest.mark.parametrize("act", [
    lambda user, _: deactivate_member(user=user),
    lambda user, root: trash_members(users=[user], by=root),
    lambda user, root: delete_members(users=[user], heir=root),
    lambda user, _: User.objects.filter(pk=user.pk).update(password="another"),
], ids=["deactivated", "trashed", "deleted", "new password"])  # fmt: skip
def test_who_is_shut_out_during_the_log_in_gets_no_session(
    act: Callable[[User, User], object],
) -> None:
    compared = make_user("bob", password=PASSWORD)
    act(User.objects.get(pk=compared.pk), make_admin())
    request = request_in(SessionStore())
    response = complete_log_in(request, compared, leads_to="/")
    assert response["Location"] == "/login/"
    assert SESSION_KEY not in request.session
    assert not Session.objects.exclude(user=None).exists()


def test_who_is_deactivated_right_after_the_log_in_keeps_no_session(client: Client) -> None:
    """It would come back with the member: the response stored it after the transaction."""
    client.get("/login/")
    bob, _ = make_user("bob"), make_admin()
    request = request_in(SessionStore())
    complete_log_in(request, bob, leads_to="/")
    deactivate_member(user=User.objects.get(pk=bob.pk))
    with pytest.raises(UpdateError):
        request.session.save()
    assert not Session.objects.filter(user=bob).exists()


def test_a_log_in_ends_the_second_step_of_somebody_else_in_the_same_browser() -> None:
    make_user("eve", password=PASSWORD)
    client = at_second_step(guarded_member())
    client.post("/login/", {"username": "eve", "password": PASSWORD})
    assert client.get("/settings/").status_code == 200
    assert client.get("/login/second-step/").status_code == 302


def test_a_second_step_is_finished_once() -> None:
    """Otherwise one answer of a passkey, sent twice at once, would make two sessions."""
    bob = make_user("bob")
    store = SessionStore()
    start_second_step(request_in(store), bob, leads_to="/")
    store.save()
    both = [request_in(SessionStore(store.session_key)) for _ in range(2)]
    for request in both:
        assert request.session["second_step"]  # both have begun
    finish_second_step(both[0], bob)
    with pytest.raises(SessionInterrupted):
        finish_second_step(both[1], bob)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_second_step_is_finished_once_by_simultaneous_requests() -> None:
    bob = make_user("bob")
    store = SessionStore()
    start_second_step(request_in(store), bob, leads_to="/")
    store.save()

    def finish() -> bool:
        request = request_in(SessionStore(store.session_key))
        try:
            request.session["second_step"]
            finish_second_step(request, User.objects.get(pk=bob.pk))
        except (KeyError, SessionInterrupted):
            return False
        request.session.save()
        return True

    assert sum(together([finish] * 4)) == 1
    assert Session.objects.filter(user=bob).count() == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_code_sent_at_once_by_several_logs_in_once() -> None:
    bob = guarded_member()
    code = app_code()
    clients = [at_second_step(bob) for _ in range(4)]

    def give(client: Client) -> Callable[[], int]:
        return lambda: client.post("/login/second-step/", {"code": code}).status_code

    assert sorted(together([give(client) for client in clients])) == [302, 422, 422, 422]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_recovery_code_sent_at_once_by_several_logs_in_once() -> None:
    bob = guarded_member()
    code = create_recovery_codes(user=bob)[0]
    clients = [at_second_step(bob) for _ in range(4)]

    def give(client: Client) -> Callable[[], int]:
        sent = {"recovery_code": code}
        return lambda: client.post("/login/second-step/recovery/", sent).status_code

    assert sorted(together([give(client) for client in clients])) == [302, 422, 422, 422]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_staff_do_not_remove_their_last_two_factors_at_once() -> None:
    root = guarded_member("root", role=Role.ADMIN)
    make_app(root, secret="A" * 32)
    Config.objects.update_or_create(
        pk=Config.SINGLETON_ID, defaults={"staff_need_second_factor": True}
    )

    def remove(app: AuthenticatorApp) -> Callable[[], bool]:
        def act() -> bool:
            try:
                remove_factor(user=User.objects.get(pk=root.pk), factor=app)
            except ValidationError:
                return False
            return True

        return act

    apps = AuthenticatorApp.objects.all()
    assert sorted(together([remove(app) for app in apps])) == [False, True]
    assert AuthenticatorApp.objects.count() == 1


def test_a_session_that_was_ended_does_not_come_back() -> None:
    bob = make_user("bob", password=PASSWORD)
    client = Client()
    client.force_login(bob)
    store = SessionStore(client.session.session_key)
    assert store[SESSION_KEY]  # a request has begun
    Session.objects.all().delete()
    with pytest.raises(SessionInterrupted):
        store.cycle_key()
    assert not Session.objects.exists()


# -- One's own account in the admin --------------------------------------------------------------
RESET_LINK = r"/password-reset/[\w-]+/[\w-]+/"  # with a token, unlike the page that asks for one


@pytest.mark.parametrize("page", ["reset-link", "reset-second-factor"])
def test_an_admins_open_session_is_not_enough_for_their_own_account(page: str) -> None:
    root = guarded_member("root", role=Role.ADMIN)
    client = Client()
    client.force_login(root)
    address = f"/admin/accounts/user/{root.pk}/{page}/"
    answer = client.post(address)
    assert answer.status_code == 422
    assert ConfirmForm.FIELD in answer.text
    assert not re.search(RESET_LINK, answer.text)
    assert AuthenticatorApp.objects.exists()
    answer = client.post(address, {ConfirmForm.FIELD: PASSWORD})
    assert answer.status_code in {200, 302}
    if page == "reset-link":
        assert re.search(RESET_LINK, answer.text)
    else:
        assert not AuthenticatorApp.objects.exists()


def test_an_admins_open_session_does_not_change_their_own_address() -> None:
    root = make_admin("root", password=PASSWORD)
    client = Client()
    client.force_login(root)
    address = f"/admin/accounts/user/{root.pk}/change/"
    form = client.get(address).context["adminform"].form
    sent = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
    sent["email"] = "evil@example.org"
    assert ConfirmForm.FIELD in client.post(address, sent).text
    root.refresh_from_db()
    assert root.email != "evil@example.org"
    client.post(address, {**sent, ConfirmForm.FIELD: PASSWORD})
    root.refresh_from_db()
    assert root.email == "evil@example.org"


# -- Devices ---------------------------------------------------------------------------------------
def test_a_stolen_session_is_one_device() -> None:
    """Any number of devices would use up the tries of all devices of the member."""
    bob = make_user("bob")
    client = Client()
    client.force_login(bob)
    client.get("/settings/")
    copies = [copy_of(client) for _ in range(3)]
    for copy in copies:
        copy.get("/settings/")
    devices = {copy.cookies[cookie_name()].value.partition(":")[0] for copy in copies}
    assert len(devices) == 1


# -- Setting up -----------------------------------------------------------------------------------
def test_a_form_that_is_sent_twice_at_once_adds_one_app() -> None:
    """With two rows, each code would be accepted twice."""
    bob = make_user("bob")
    client = confirmed(bob)
    client.get("/settings/second-factor/app/")
    session = client.session
    session["authenticator_setup"] |= {"secret": SECRET}
    session.save()
    kept = session["authenticator_setup"]
    sent = {"name": "Phone", "code": app_code()}
    assert client.post("/settings/second-factor/app/", sent).status_code == 200
    session = client.session
    session["authenticator_setup"] = kept
    session.save()
    assert client.post("/settings/second-factor/app/", sent).status_code == 422
    assert AuthenticatorApp.objects.count() == 1


NESTED = bytes_to_base64url(b"[" * 9000)
CBOR = bytes_to_base64url(b"\x81" * 9000)


@pytest.mark.parametrize(
    ("credential_id", "client_data", "more"),
    [
        ("\ud800", "", ""),
        ("\x00", "", ""),
        ("aaaa", NESTED, ""),
        ("aaaa", bytes_to_base64url(b'{"type": {}}'), ""),
        ("aaaa", bytes_to_base64url(b"[]"), CBOR),
        ("aaaa", "é", "é"),
    ],
)
def test_no_answer_of_a_passkey_is_an_error(
    credential_id: str, client_data: str, more: str
) -> None:
    bob = make_user("bob")
    Passkey.objects.create(
        user=bob, name="x", host="localhost", credential_id="aaaa", public_key=b"x"
    )
    answer = json.dumps({
        "id": credential_id,
        "rawId": credential_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": client_data,
            "attestationObject": more,
            "authenticatorData": more,
            "signature": more,
        },
    })  # fmt: skip
    there = {"host": "localhost"}
    step = at_second_step(bob)
    step.get("/login/second-step/", headers=there)
    given = step.post("/login/second-step/passkey/", {"answer": answer}, headers=there)
    assert given.status_code == 422
    client = confirmed(bob)
    client.get("/settings/second-factor/passkey/", headers=there)
    sent = {"answer": answer, "name": "x"}
    page = client.post("/settings/second-factor/passkey/", sent, headers=there)
    assert page.status_code == 422


# -- Until when staff need one ---------------------------------------------------------------------
def test_a_role_is_taken_from_somebody_whose_date_has_just_been_set() -> None:
    stale = make_user("mod", role=Role.MODERATOR)
    Config.objects.update(staff_need_second_factor=True)
    User.objects.filter(pk=stale.pk).update(second_factor_due_at="2026-01-01T00:00:00Z")
    set_role(user=stale, role=Role.USER, granted_by=make_admin())
    assert User.objects.get(pk=stale.pk).second_factor_due_at is None
