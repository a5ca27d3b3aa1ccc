from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from accounts.backends import client_address
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


# -- Too many attempts --------------------------------------------------------------------------
def lock_out(client: Client, *names: str, address: str = "127.0.0.1") -> list[int]:
    return [log_in(client, name, "wrong", address=address).status_code for name in names]


def test_eight_failures_lock_the_name_out_from_that_address(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    assert lock_out(client, *["alice"] * 8) == [422] * 7 + [429]
    answer = log_in(client, "alice", PASSWORD)
    assert answer.status_code == 429
    page = answer.content.decode()
    assert "Too many attempts" in page
    assert "about 15 minutes" in page
    assert not is_logged_in(client)


def test_after_a_quarter_of_an_hour_one_may_try_again(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    lock_out(client, *["alice"] * 8)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert log_in(client, "alice").status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert log_in(client, "alice").status_code == 302


def test_other_members_at_the_same_address_are_not_locked_out(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    make_user("bob", password=PASSWORD)
    lock_out(client, *["alice"] * 10)
    assert log_in(client, "bob").status_code == 302


def test_a_stranger_elsewhere_does_not_lock_the_member_out(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    lock_out(client, *["alice"] * 10, address="203.0.113.7")
    assert log_in(client, "alice", address="198.51.100.9").status_code == 302


def test_spelling_the_name_or_the_address_differently_gives_no_further_attempts(
    client: Client,
) -> None:
    make_user("alice", password=PASSWORD)
    names = ["alice", "Alice", "ALICE", " alice", "alice ", "aLiCe", "alicE", "ALIce"]
    assert lock_out(client, *names)[-1] == 429
    mails = ["alice@example.org", "Alice@example.org", "ALICE@EXAMPLE.ORG", " alice@example.org"]
    assert lock_out(client, *mails * 2)[-1] == 429


def test_attempts_do_not_tell_whose_email_address_it_is(client: Client) -> None:
    """If they were counted together, eight failures would lock only names of the same member."""
    make_user("alice", password=PASSWORD)
    make_user("bob", password=PASSWORD)
    assert lock_out(client, *["alice", "alice@example.org"] * 7) == [422] * 14
    assert lock_out(client, *["bob", "nobody@example.org"] * 7) == [422] * 14


def test_two_names_of_one_member_are_no_two_chances(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    lock_out(client, *["alice", "Alice@example.org"] * 4)
    for name in ("alice", "alice@example.org"):
        answer = log_in(client, name, PASSWORD)
        assert answer.status_code == 422
        assert SENTENCE in answer.content.decode()
    assert log_in(client, "alice", PASSWORD, address="198.51.100.9").status_code == 302
    client.logout()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert log_in(client, "alice", PASSWORD).status_code == 302


def test_a_log_in_forgets_the_failures_under_the_other_name(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    for name, other in [("alice", "alice@example.org"), ("alice@example.org", "alice")]:
        lock_out(client, *[other] * 7)
        assert log_in(client, name).status_code == 302
        client.logout()
    assert lock_out(client, *["alice"] * 7) == [422] * 7


def test_a_refusal_for_two_names_costs_one_hash_and_the_same_queries(
    client: Client, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user("alice", password=PASSWORD)
    lock_out(client, *["alice", "alice@example.org"] * 4, "nobody")
    seen = []
    for name in ("alice", "nobody"):
        CountingHasher.count = 0
        with CaptureQueriesContext(connection) as queries:
            assert log_in(client, name, "wrong").status_code == 422
        seen.append((CountingHasher.count, len(queries)))
    assert seen[0] == seen[1] == (1, seen[0][1])


def test_one_ipv6_network_is_one_address(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    tries = [log_in(client, "alice", "x", address=f"2001:db8:0:1::{n}") for n in range(1, 9)]
    assert [answer.status_code for answer in tries] == [422] * 7 + [429]
    assert log_in(client, "alice", address="2001:db8:0:1:ffff::1").status_code == 429
    assert log_in(client, "alice", address="2001:db8:0:2::1").status_code == 302


def test_a_log_in_forgets_the_failures_before(client: Client) -> None:
    make_user("alice", password=PASSWORD)
    lock_out(client, *["alice"] * 7)
    assert log_in(client, "alice").status_code == 302
    client.logout()
    assert lock_out(client, *["alice"] * 7) == [422] * 7


def test_unknown_names_are_locked_out_like_known_ones(client: Client) -> None:
    assert lock_out(client, *["nobody"] * 8) == [422] * 7 + [429]


def test_a_lockout_ends_no_session(client: Client) -> None:
    client.force_login(make_user("alice", password=PASSWORD))
    lock_out(Client(), *["alice"] * 9)
    assert is_logged_in(client)


@pytest.mark.parametrize(
    ("behind", "forwarded", "counted"),
    [
        (False, "203.0.113.7", "192.0.2.1"),
        (True, "203.0.113.7", "203.0.113.7"),
        (True, "10.0.0.1, 203.0.113.7", "203.0.113.7"),  # the client chose the first one
        (True, "2001:db8::1", "2001:db8::"),
        (True, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (True, "fe80::1%eth0", "fe80::"),
        (True, "::ffff:203.0.113.7", "203.0.113.7"),
        (True, "", "192.0.2.1"),
        (True, "nonsense", "192.0.2.1"),
        (True, "203.0.113.7, ", "192.0.2.1"),
    ],
)
def test_attempts_are_counted_under_the_address_that_the_proxy_wrote(
    settings: Settings, behind: bool, forwarded: str, counted: str
) -> None:
    settings.BEHIND_PROXY = behind
    request = RequestFactory().post(LOGIN, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == counted


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
