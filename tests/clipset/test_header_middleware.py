"""Security headers, the names of cookies on HTTPS, and security.txt."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import SessionStore
from clipset.security import HEADERS_OF_ALL
from siteconfig.checks import check_security_contact
from tests.builders import PASSWORD, make_moderator, make_user

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NEW, OLD = "__Host-sessionid", "sessionid"
NEW_CSRF, OLD_CSRF = "__Host-csrftoken", "csrftoken"


# -- Headers --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", ["/", "/login/", "/none/", "/healthz", "/admin/", "/s/none/", "/static/js/theme.js"]
)
def test_every_response_has_the_headers(client: Client, path: str) -> None:
    client.force_login(make_user())
    answer = client.get(path)
    for name, value in HEADERS_OF_ALL.items():
        assert answer.headers[name] == value
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_player_gets_what_it_needs_of_the_browser(client: Client) -> None:
    policy = client.get("/login/").headers["Permissions-Policy"]
    for name in ("fullscreen", "picture-in-picture", "autoplay", "clipboard-write"):
        assert f"{name}=(self)" in policy
    assert "publickey-credentials-get=(self)" in policy
    assert "camera=()" in policy


@pytest.mark.parametrize("path", ["/logout/", "/admin/logout/"])
def test_a_log_out_clears_the_cache_and_keeps_preferences(path: str) -> None:
    client = Client()
    client.force_login(make_moderator())
    assert "Clear-Site-Data" not in client.get("/").headers
    answer = client.post(path)
    assert answer.status_code in {200, 302}
    assert answer.headers["Clear-Site-Data"] == '"cache"'


def test_a_log_out_without_a_token_clears_nothing() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    answer = client.post("/logout/")
    assert answer.status_code == 403
    assert "Clear-Site-Data" not in answer.headers


# -- Cookies --------------------------------------------------------------------------------------
@pytest.fixture
def https(settings: Settings) -> None:
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = NEW, NEW_CSRF
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


def old_session(user: User) -> str:
    """The key of a session from before the upgrade."""
    client = Client()
    client.force_login(user)
    session = client.session
    session.pop(SessionStore.RENAMED_AT, None)
    session.save()
    assert session.session_key
    return str(session.session_key)


def browser(**cookies: str) -> Client:
    client = Client()
    for name, value in cookies.items():
        client.cookies[name] = value
    return client


def is_logged_in(answer: Any) -> bool:
    return bool(answer.status_code == 200)


def test_a_member_stays_logged_in_at_the_upgrade(https: None) -> None:
    key = old_session(make_user())
    client = browser(sessionid=key, csrftoken="a" * 32)
    answer = client.get("/settings/", secure=True)
    assert is_logged_in(answer)
    for name, value in ((NEW, key), (NEW_CSRF, "a" * 32)):
        cookie = answer.cookies[name]
        assert cookie.value == value
        assert cookie["secure"]
        assert cookie["httponly"]
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")
    for name in (OLD, OLD_CSRF):
        assert answer.cookies[name]["max-age"] == 0
    assert is_logged_in(browser(**{NEW: key}).get("/settings/", secure=True))


def test_requests_at_the_same_time_and_lost_answers_stay_logged_in(https: None) -> None:
    key = old_session(make_user())
    for _ in range(3):
        assert is_logged_in(browser(sessionid=key).get("/settings/", secure=True))


def test_the_old_name_is_read_once(https: None) -> None:
    key = old_session(make_user())
    assert is_logged_in(browser(sessionid=key).get("/settings/", secure=True))
    session = SessionStore(key)
    session[SessionStore.RENAMED_AT] = time.time() - 3600
    session.save()
    assert not is_logged_in(browser(sessionid=key).get("/settings/", secure=True))


def test_a_session_that_began_under_the_new_name_is_not_found_by_the_old(https: None) -> None:
    make_user("mallory", password=PASSWORD)
    client = Client()
    client.get("/login/", secure=True)
    client.post("/login/", {"username": "mallory", "password": PASSWORD}, secure=True)
    key = client.cookies[NEW].value
    assert is_logged_in(client.get("/settings/", secure=True))
    assert not is_logged_in(browser(sessionid=key).get("/settings/", secure=True))


def test_the_new_name_goes_before_the_old(https: None) -> None:
    alice, mallory = make_user("alice"), make_user("mallory")
    client = browser(**{NEW: old_session(alice), OLD: old_session(mallory)})
    assert client.get("/settings/", secure=True).context["user"] == alice


def test_a_form_that_was_open_at_the_upgrade_is_accepted(https: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies[OLD] = old_session(make_user())
    client.cookies[OLD_CSRF] = "a" * 32
    answer = client.post(
        "/settings/sessions/end/",
        {"csrfmiddlewaretoken": "a" * 32},
        secure=True,
        headers={"origin": "https://testserver"},
    )
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/settings/"


def test_a_log_out_by_the_old_cookie_deletes_both(https: None) -> None:
    key = old_session(make_user())
    answer = browser(sessionid=key).post("/logout/", secure=True)
    assert answer.cookies[NEW]["max-age"] == 0
    assert answer.cookies[OLD]["max-age"] == 0
    assert not Session.objects.exists()


@pytest.mark.parametrize("value", ["", "x", "a b", "ü", "x" * 5000, "a\x00"])
def test_a_broken_old_cookie_is_ignored(https: None, value: str) -> None:
    answer = browser(sessionid=value, csrftoken=value).get("/settings/", secure=True)
    assert answer.status_code == 302


def test_without_https_the_names_stay(client: Client) -> None:
    client.force_login(make_user())
    client.get("/")
    assert OLD in client.cookies
    assert NEW not in client.cookies


# -- security.txt ---------------------------------------------------------------------------------
TXT = "/.well-known/security.txt"


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ("root@example.org", "mailto:root@example.org"),
        ("mailto:root@example.org", "mailto:root@example.org"),
        ("https://example.org/security", "https://example.org/security"),
    ],
)
def test_security_txt_names_the_contact(
    client: Client, settings: Settings, contact: str, expected: str
) -> None:
    settings.SECURITY_CONTACT = contact
    assert check_security_contact() == []
    answer = client.get(TXT)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == expected
    assert fields["Canonical"].endswith(TXT)
    left = datetime.fromisoformat(fields["Expires"]) - timezone.now()
    assert timedelta(days=100) < left < timedelta(days=365)


@pytest.mark.parametrize(
    "contact", ["nobody", "http://example.org", "https://", "https://a\nX: y", "javascript:x"]
)
def test_a_contact_that_is_none_is_reported_and_not_served(
    client: Client, settings: Settings, contact: str
) -> None:
    settings.SECURITY_CONTACT = contact
    assert [error.id for error in check_security_contact()] == ["clipset.E015"]
    assert client.get(TXT).status_code == 404


def test_without_a_contact_there_is_none(client: Client) -> None:
    assert check_security_contact() == []
    assert client.get(TXT).status_code == 404
