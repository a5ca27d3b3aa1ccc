from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.hashers import AT_ONCE, BoundedArgon2PasswordHasher
from accounts.models import Session, User, normalize_email
from tests.builders import PASSWORD, make_user

if TYPE_CHECKING:
    from django.http import HttpResponse
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
LOGIN = "/login/"
SENTENCE = escape("That username or password isn't right. Try again, or reset your password.")


def log_in(client: Client, username: str, password: str = PASSWORD, **more: Any) -> HttpResponse:
    address = more.pop("address", "127.0.0.1")
    data = {"username": username, "password": password, **more}
    return client.post(LOGIN, data, REMOTE_ADDR=address)  # type: ignore[return-value]


def is_logged_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


# -- Getting in ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["alice", "ALICE", "Alice", " alice ", "alice@example.org", "ALICE@Example.ORG"]
)
def test_a_member_logs_in_by_username_or_email_whatever_the_case(client: Client, name: str) -> None:
    make_user("Alice", email="Alice@Example.org", password=PASSWORD)
    answer = log_in(client, name)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_logged_in(client)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("jürgen@münchen.example", "JÜRGEN@MÜNCHEN.example"),
        ("ΣΊΣΥΦΟΣ@example.org", "σίσυφος@example.org"),
        ("STRASSE@example.org", "straße@example.org"),
        ("łukasz@example.org", "ŁUKASZ@EXAMPLE.ORG"),
    ],
)
def test_an_email_beyond_ascii_is_found_whatever_the_case(
    client: Client, stored: str, typed: str
) -> None:
    make_user("alice", email=stored, password=PASSWORD)
    assert log_in(client, typed).status_code == 302


def test_wildcards_in_a_name_find_nobody(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    for name in ("al_ce", "a%", "%", "_____", "%@%", "alice'--", 'alice"'):
        assert log_in(client, name).status_code == 422


def test_the_password_has_its_case_and_its_spaces(client: Client) -> None:
    make_user("alice", password=" Pass word ")
    assert log_in(client, "alice", "Pass word").status_code == 422
    assert log_in(client, "alice", " pass word ").status_code == 422
    assert log_in(client, "alice", " Pass word ").status_code == 302


def test_who_is_logged_in_is_led_on_from_the_log_in_page(client: Client) -> None:
    client.force_login(make_user("alice"))
    assert client.get(LOGIN + "?next=/upload/")["Location"] == "/upload/"


# -- Where one was going ------------------------------------------------------------------------
def test_a_stranger_is_sent_to_the_log_in_and_then_where_they_were_going(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    wanted = "/?q=two+words&sort=views"
    address = client.get(wanted)["Location"]
    assert address == "/login/?next=/%3Fq%3Dtwo%2Bwords%26sort%3Dviews"
    page = client.get(address)
    assert f'name="next" value="{escape(wanted)}"' in page.content.decode()
    assert log_in(client, "alice", next=wanted)["Location"] == wanted


def test_a_wrong_password_does_not_forget_where_one_was_going(client: Client) -> None:
    answer = log_in(client, "alice", "wrong", next="/upload/")
    assert answer.status_code == 422
    assert 'name="next" value="/upload/"' in answer.content.decode()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "https:///evil.example",
        "\thttps://evil.example",
    ],
)
def test_next_never_leads_to_another_site(client: Client, elsewhere: str) -> None:
    make_user("alice", password=PASSWORD)
    assert elsewhere not in client.get(LOGIN, {"next": elsewhere}).content.decode()
    assert log_in(client, "alice", next=elsewhere)["Location"] == "/"


# -- Being refused ------------------------------------------------------------------------------
def test_a_refusal_does_not_tell_who_is_a_member(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    make_user("bob", password=PASSWORD, is_active=False)
    make_user("charlie")  # has no password
    answers = [
        log_in(client, "alice", "wrong"),
        log_in(client, "alice@example.org", "wrong"),
        log_in(client, "nobody", "wrong"),
        log_in(client, "nobody@example.org", "wrong"),
        log_in(client, "bob", "wrong"),
        log_in(client, "bob", PASSWORD),
        log_in(client, "charlie", "!"),
    ]
    pages = [answer.content.decode() for answer in answers]
    assert [answer.status_code for answer in answers] == [422] * 7
    assert all(SENTENCE in page for page in pages)
    assert len({page.count("<p") for page in pages}) == 1
    assert not is_logged_in(client)


def test_what_was_typed_is_kept_but_not_the_password(client: Client) -> None:
    page = log_in(client, "alice<b>", "s3cret-pass").content.decode()
    assert 'value="alice&lt;b&gt;"' in page
    assert "s3cret-pass" not in page


class CountingHasher(BoundedArgon2PasswordHasher):
    """The real hasher with a lower cost, which also counts its calls."""

    time_cost, memory_cost, parallelism = 1, 64, 1
    count = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.count += 1
        return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        CountingHasher.count += 1
        return bool(super().verify(password, encoded))


@pytest.mark.parametrize(
    "name",
    ["alice", "alice@example.org", "bob", "nobody", "nobody@example.org", "no\tbody", "a" * 254],
)
def test_every_refusal_costs_one_hash_so_that_time_does_not_tell_who_is_a_member(
    client: Client, settings: Settings, name: str
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user("alice", password=PASSWORD)
    make_user("bob", password=PASSWORD, is_active=False)
    CountingHasher.count = 0
    assert log_in(client, name, "wrong").status_code == 422
    assert CountingHasher.count == 1


def test_passwords_are_stored_as_argon2() -> None:
    assert django_settings()["PASSWORD_HASHERS"][0].endswith("Argon2PasswordHasher")


OURS = f"{BoundedArgon2PasswordHasher.__module__}.{BoundedArgon2PasswordHasher.__qualname__}"


def test_a_hash_takes_19_mib_and_one_core(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = django_settings()["PASSWORD_HASHERS"]
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_of_djangos_own_parameters_lets_in_and_is_replaced(
    client: Client, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [OURS]
    alice = make_user("alice")
    alice.password = Argon2PasswordHasher().encode(PASSWORD, "salt" * 6)
    alice.save()
    assert log_in(client, "alice", "wrong").status_code == 422
    assert log_in(client, "alice").status_code == 302
    alice.refresh_from_db()
    assert "$m=19456,t=2,p=1$" in alice.password
    client.logout()
    assert log_in(client, "alice").status_code == 302


@pytest.mark.parametrize("way", ["encode", "verify"])
def test_no_more_than_four_hashes_are_made_at_once(way: str) -> None:
    hasher = BoundedArgon2PasswordHasher()
    encoded, done = hasher.encode(PASSWORD, "salt" * 6), threading.Event()

    def fifth() -> None:
        given = "salt" * 6 if way == "encode" else encoded
        assert getattr(hasher, way)(PASSWORD, given)
        done.set()

    for _ in range(4):
        assert AT_ONCE.acquire(timeout=10)
    assert not AT_ONCE.acquire(blocking=False)
    thread = threading.Thread(target=fifth)
    thread.start()
    assert not done.wait(0.5)
    for _ in range(4):
        AT_ONCE.release()
    assert done.wait(10)
    thread.join()


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", ""),
        ("alice", ""),
        ("", PASSWORD),
        ("al\x00ice", PASSWORD),
        ("alice\x00", PASSWORD),
        ("alice\x00@example.org", PASSWORD),
        ("alice", "\x00"),
        ("alice", f"{PASSWORD}\x00"),
        ("a" * 10_000, PASSWORD),
        ("a" * 60_000, PASSWORD),  # longer than SQLite allows for LIKE
        ("%" * 60_000, PASSWORD),
        ("a" * 100_000 + "@example.org", PASSWORD),
        ("alice", "p" * 100_000),
        ("\ud800", PASSWORD),
        ("👩‍👩‍👧‍👦" * 100, PASSWORD),
        ("ﷺ" * 250, PASSWORD),  # grows when it is normalised
    ],
)
def test_no_name_and_no_password_is_too_odd(client: Client, name: str, password: str) -> None:
    make_user("alice", password=PASSWORD)
    body = urlencode({"username": name, "password": password}, errors="surrogatepass")
    answer = client.post(LOGIN, body, "application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert not is_logged_in(client)


def test_odd_headers_and_addresses_do_not_break_a_refusal(client: Client) -> None:
    answer = client.post(
        LOGIN + "?next=%00&x=" + "y" * 3000,
        {"username": "alice", "password": "wrong", "more": "\x00" * 2000},
        HTTP_USER_AGENT="a" * 5000,
        HTTP_ACCEPT="b" * 5000,
        REMOTE_ADDR="",
    )
    assert answer.status_code == 422


# -- Logging out --------------------------------------------------------------------------------
def test_logging_out_takes_a_post(client: Client) -> None:
    client.force_login(make_user("alice"))
    assert client.get(reverse("logout")).status_code == 405
    assert is_logged_in(client)
    answer = client.post(reverse("logout"))
    assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert not is_logged_in(client)
    assert not Session.objects.exists()


def test_logging_in_gives_the_session_another_key(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    client.force_login(User.objects.get())
    before = client.cookies["sessionid"].value
    client.post(reverse("logout"))
    client.cookies["sessionid"] = before
    log_in(client, "alice")
    assert client.cookies["sessionid"].value != before


def test_emails_are_stored_casefolded() -> None:
    assert normalize_email(" Jürgen@STRAẞE.example ") == "jürgen@strasse.example"
    assert make_user("alice", email="ALICE@EXAMPLE.ORG").email == "alice@example.org"


# -- Cookies ------------------------------------------------------------------------------------
NAMES = (
    "PASSWORD_HASHERS",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "CSRF_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "CSRF_COOKIE_SAMESITE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "BEHIND_PROXY",
    "EXPOSED_BY",
)
PRINT = f"""
import json
from clipset import settings
print(json.dumps({{name: getattr(settings, name) for name in {NAMES!r}}}))
"""


def django_settings(**environment: str) -> dict[str, Any]:
    """Returns the settings that clipset.settings computes from an environment at import."""
    answer = subprocess.run(
        [sys.executable, "-c", PRINT],
        env=os.environ | environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize(
    ("site", "secure"), [("https://clips.example.org", True), ("http://192.168.1.5:8000", False)]
)
def test_secure_cookies_and_hsts_follow_the_scheme_of_the_site(site: str, secure: bool) -> None:
    found = django_settings(SITE_URL=site)
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is secure
    assert found["SECURE_SSL_REDIRECT"] is secure
    assert bool(found["SECURE_HSTS_SECONDS"]) is secure
    assert found["BEHIND_PROXY"] is secure
    assert {"SITE_URL", "ALLOWED_HOSTS"} <= set(found["EXPOSED_BY"])
    assert found["SESSION_COOKIE_HTTPONLY"] is found["CSRF_COOKIE_HTTPONLY"] is True
    assert found["SESSION_COOKIE_SAMESITE"] == found["CSRF_COOKIE_SAMESITE"] == "Lax"


def test_the_settings_as_they_come_are_for_this_machine_alone() -> None:
    assert django_settings(HOST="127.0.0.1")["EXPOSED_BY"] == []


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookies_that_are_sent_have_these_flags(
    client: Client, settings: Settings, secure: bool
) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = secure
    make_user("alice", password=PASSWORD)
    client.get(LOGIN)
    log_in(client, "alice")
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert bool(cookie["secure"]) is secure
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
