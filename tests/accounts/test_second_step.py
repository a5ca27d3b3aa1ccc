"""The second step of the log-in."""

from __future__ import annotations

import re
import time
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.models import AuthenticatorApp, Role, Session, User
from accounts.services.second_factor import create_recovery_codes
from accounts.services.tries import ACCOUNT
from siteconfig.models import AuditEntry
from tests.accounts.second_factors import (
    app_code,
    at_second_step,
    give_password,
    guarded_member,
    make_app,
    quick_member,
    wrong_code,
)
from tests.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db

STEP = "/login/second-step/"


def is_logged_in(client: Client) -> bool:
    return SESSION_KEY in client.session and client.get("/settings/").status_code == 200


def test_the_right_password_alone_logs_nobody_in(client: Client) -> None:
    guarded_member()
    response = give_password(client)
    assert response.headers["Location"] == STEP
    assert not is_logged_in(client)
    for address in ("/", "/settings/", "/admin/", "/settings/second-factor/", "/uploads/"):
        assert client.get(address, headers={"accept": "text/html"}).status_code in {302, 401}
    assert Session.objects.exclude(user=None).count() == 0


def test_the_code_of_the_app_logs_in_under_a_new_session_key(client: Client) -> None:
    bob = guarded_member()
    give_password(client)
    before = client.session.session_key
    response = client.post(STEP, {"code": app_code()})
    assert response.headers["Location"] == "/"
    assert is_logged_in(client)
    assert client.session.session_key != before
    assert "second_step" not in client.session
    assert AuthenticatorApp.objects.get(user=bob).last_used_at is not None


def test_a_code_with_a_space_is_the_same_code() -> None:
    bob = quick_member()
    client = at_second_step(bob)
    code = app_code()
    client.post(STEP, {"code": f" {code[:3]} {code[3:]} "})
    assert is_logged_in(client)


def test_a_code_works_once() -> None:
    bob = quick_member()
    code = app_code()
    client = at_second_step(bob)
    client.post(STEP, {"code": code})
    other = at_second_step(bob)
    response = other.post(STEP, {"code": code})
    assert response.status_code == 422
    assert not is_logged_in(other)


def test_a_wrong_code_says_so_and_keeps_the_step() -> None:
    bob = quick_member()
    client = at_second_step(bob)
    response = client.post(STEP, {"code": wrong_code()})
    assert response.status_code == 422
    assert "That code isn&#x27;t right" in response.content.decode()
    client.post(STEP, {"code": app_code()})
    assert is_logged_in(client)


@pytest.mark.parametrize("code", ["", "x", "1" * 500, "\x00", "１２３４５６"])
def test_nonsense_is_refused(code: str) -> None:
    bob = quick_member()
    client = at_second_step(bob)
    assert client.post(STEP, {"code": code}).status_code == 422


def test_the_code_of_another_member_is_refused() -> None:
    bob = quick_member()
    AuthenticatorApp.objects.filter(user=bob).update(secret="A" * 32)
    make_app(make_user("mallory"))
    client = at_second_step(bob)
    assert client.post(STEP, {"code": app_code()}).status_code == 422


def test_without_a_second_factor_nothing_changes(client: Client) -> None:
    make_user("bob", password=PASSWORD)
    assert give_password(client).headers["Location"] == "/"
    assert is_logged_in(client)


def test_next_is_kept_over_both_steps(client: Client) -> None:
    guarded_member()
    give_password(client, address="/login/?next=/categories/")
    response = client.post(STEP, {"code": app_code()})
    assert response.headers["Location"] == "/categories/"


def test_next_does_not_lead_away_from_the_site(client: Client) -> None:
    guarded_member()
    give_password(client, address="/login/?next=https://evil.example/")
    assert client.post(STEP, {"code": app_code()}).headers["Location"] == "/"


def test_the_second_step_without_the_first_leads_to_the_log_in(client: Client) -> None:
    quick_member()
    for address in (STEP, f"{STEP}recovery/", f"{STEP}passkey/"):
        response = client.post(address, {"code": app_code()})
        assert response.headers["Location"] == "/login/"
    assert client.get(STEP).headers["Location"] == "/login/"
    assert not is_logged_in(client)


@pytest.mark.parametrize("minutes", [11, -11])
def test_the_step_expires_in_minutes(minutes: int) -> None:
    bob = quick_member()
    client = at_second_step(bob)
    code = app_code()
    later = time.time() + minutes * 60
    with patch("accounts.log_ins.time.time", lambda: later):
        assert client.post(STEP, {"code": code}).headers["Location"] == "/login/"
    assert client.post(STEP, {"code": code}).headers["Location"] == "/login/"


def test_a_new_password_ends_the_step() -> None:
    bob = quick_member()
    client = at_second_step(bob)
    bob.set_password("another correct horse")
    bob.save()
    assert client.post(STEP, {"code": app_code()}).headers["Location"] == "/login/"


def test_a_deactivated_member_ends_the_step() -> None:
    bob = quick_member()
    client = at_second_step(bob)
    User.objects.update(is_active=False)
    assert client.post(STEP, {"code": app_code()}).headers["Location"] == "/login/"


# -- Tries ----------------------------------------------------------------------------------------
def test_tries_are_counted_for_the_account_whoever_makes_them() -> None:
    bob = quick_member()
    statuses = []
    for number in range(12):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        client = at_second_step(bob)
        response = client.post(STEP, {"code": wrong_code()})
        statuses.append(response.status_code)
    assert statuses == [422] * ACCOUNT.free + [429] * (12 - ACCOUNT.free)
    assert "Retry-After" in response.headers
    assert client.post(STEP, {"code": app_code()}).status_code == 429


def test_too_many_codes_still_leave_recovery_codes() -> None:
    bob = quick_member()
    codes = create_recovery_codes(user=bob)
    client = at_second_step(bob)
    for _ in range(11):
        client.post(STEP, {"code": wrong_code()})
    client.post(f"{STEP}recovery/", {"recovery_code": codes[0]})
    assert is_logged_in(client)


# -- Recovery codes -------------------------------------------------------------------------------
def test_a_recovery_code_logs_in_once() -> None:
    bob = quick_member()
    codes = create_recovery_codes(user=bob)
    assert len(codes) == len(set(codes)) == 10
    client = at_second_step(bob)
    client.post(f"{STEP}recovery/", {"recovery_code": codes[3].upper().replace("-", " ")})
    assert is_logged_in(client)
    other = at_second_step(bob)
    response = other.post(f"{STEP}recovery/", {"recovery_code": codes[3]})
    assert response.status_code == 422
    assert not is_logged_in(other)


def test_who_has_few_recovery_codes_left_is_told_to_create_new_ones() -> None:
    bob = quick_member()
    codes = create_recovery_codes(user=bob)
    told = []
    for code in codes[:8]:
        client = at_second_step(bob)
        page = client.post(f"{STEP}recovery/", {"recovery_code": code}, follow=True)
        told.append("Create new ones in your settings." in page.content.decode())
    assert told == [False] * 7 + [True]


def test_a_recovery_code_belongs_to_its_member() -> None:
    bob = quick_member()
    codes = create_recovery_codes(user=quick_member("mallory"))
    client = at_second_step(bob)
    response = client.post(f"{STEP}recovery/", {"recovery_code": codes[0]})
    assert response.status_code == 422


def test_the_wrong_one_of_two_answers_gets_the_focus() -> None:
    client = at_second_step(quick_member())
    page = client.post(f"{STEP}recovery/", {"recovery_code": "abcd"}).text
    assert re.findall(r'<input[^>]* name="(\w+)"[^>]* autofocus', page) == ["recovery_code"]
    page = client.post(STEP, {"code": wrong_code()}).text
    assert re.findall(r'<input[^>]* name="(\w+)"[^>]* autofocus', page) == ["code"]


def test_a_new_set_replaces_the_old_one() -> None:
    bob = quick_member()
    old = create_recovery_codes(user=bob)
    new = create_recovery_codes(user=bob)
    assert not set(old) & set(new)
    client = at_second_step(bob)
    assert client.post(f"{STEP}recovery/", {"recovery_code": old[0]}).status_code == 422
    assert client.post(f"{STEP}recovery/", {"recovery_code": new[0]}).status_code == 302


def test_only_hashes_of_recovery_codes_are_stored() -> None:
    bob = quick_member()
    codes = create_recovery_codes(user=bob)
    stored = " ".join(bob.recovery_codes.values_list("hash", flat=True))
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)
    assert re.fullmatch(r"([0-9a-f]{64} ?){10}", stored)


# -- Other ways in --------------------------------------------------------------------------------
def test_the_admins_log_in_page_is_no_way_around(client: Client) -> None:
    guarded_member("root", role=Role.ADMIN)
    response = give_password(client, "root", "/admin/login/?next=/admin/videos/video/")
    assert response.headers["Location"] == STEP
    assert client.get("/admin/").status_code == 302
    assert not AuditEntry.objects.filter(action="session.start").exists()
    response = client.post(STEP, {"code": app_code()})
    assert response.headers["Location"] == "/admin/videos/video/"
    assert client.get("/admin/").status_code == 200
    assert AuditEntry.objects.filter(action="session.start").count() == 1


def test_a_password_reset_leaves_the_second_factor(client: Client) -> None:
    from accounts.services.passwords import reset_link

    bob = guarded_member()
    address = "/" + reset_link(bob).split("/", 3)[3]
    form = client.get(address).headers["Location"]
    new = {"new_password1": "another correct horse", "new_password2": "another correct horse"}
    client.post(form, new)
    assert not is_logged_in(client)
    client.post("/login/", {"username": "bob", "password": "another correct horse"})
    assert not is_logged_in(client)
    client.post(STEP, {"code": app_code()})
    assert is_logged_in(client)


def test_one_module_logs_people_in() -> None:
    """A second call of Django's login would be a way around the second step."""
    root = Path(settings.BASE_DIR)
    calls = re.compile(r"(?<![\w.])(?:auth_)?login\(\s*(?:self\.)?request")
    found = {
        str(path.relative_to(root))
        for app in ("accounts", "categories", "clipset", "siteconfig", "videos")
        for path in (root / app).rglob("*.py")
        if calls.search(path.read_text())
    }
    assert found == {"accounts/log_ins.py"}
