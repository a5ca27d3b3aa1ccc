"""What somebody meets who guesses passwords, and what does not happen to anybody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from accounts.models import TryCount
from accounts.services import tries
from accounts.services.devices import SALT, cookie_name
from accounts.services.passwords import reset_link
from accounts.tasks import clear_expired
from tests.accounts.together import together
from tests.builders import PASSWORD, make_admin, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse
    from pytest_django import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

LOGIN, ADMIN_LOGIN = "/login/", "/admin/login/"
ELSEWHERE = "198.51.100.9"
SENTENCE = escape("That username or password isn't right. Try again, or reset your password.")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """A list whose only element is the time now."""
    now = [timezone.now()]
    monkeypatch.setattr("django.utils.timezone.now", lambda: now[0])
    return now


@pytest.fixture
def alice() -> User:
    return make_user("alice", password=PASSWORD)


def log_in(name: str, password: str = PASSWORD, **more: Any) -> HttpResponse:
    """From a browser that the site does not know, unless `client` says which."""
    client = more.pop("client", None) or Client()
    address = more.pop("address", "203.0.113.7")
    path = more.pop("path", LOGIN)
    data = {"username": name, "password": password}
    return client.post(path, data, REMOTE_ADDR=address, **more)  # type: ignore[return-value]


def test_whoever_read_the_clock_before_another_is_not_refused(
    alice: User, clock: list[datetime]
) -> None:
    """Of simultaneous tries the later one may be counted first."""
    assert log_in("alice", "wrong").status_code == 422
    clock[0] -= timedelta(milliseconds=1)
    assert log_in("alice").status_code == 302
    clock[0] -= timedelta(milliseconds=1)
    assert log_in("alice", "wrong").status_code == 422


def guess(names: list[str], **more: Any) -> list[int]:
    return [log_in(name, "wrong", **more).status_code for name in names]


def addresses(count: int) -> Iterator[str]:
    return (f"10.{number // 250}.{number % 250}.1" for number in range(count))


# -- An account ---------------------------------------------------------------------------------
def test_after_eight_wrong_tries_each_further_one_waits_for_longer(
    alice: User, clock: list[datetime]
) -> None:
    assert guess(["alice"] * 9) == [422] * 8 + [429]
    for wait in (30, 60, 120, 240, 480, 960, 1920, 3600, 3600):
        clock[0] += timedelta(seconds=wait - 1)
        assert log_in("alice", address=ELSEWHERE).status_code == 429
        clock[0] += timedelta(seconds=1)
        assert log_in("alice", "wrong", address=ELSEWHERE).status_code == 422


def test_after_the_delay_the_right_password_opens_and_ends_the_count(
    alice: User, clock: list[datetime]
) -> None:
    guess(["alice"] * 9)
    clock[0] += timedelta(seconds=30)
    assert log_in("alice").status_code == 302
    assert guess(["alice"] * 9) == [422] * 8 + [429]


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.long)])
def test_many_addresses_have_no_more_tries_than_one(
    alice: User, clock: list[datetime], count: int
) -> None:
    found = [log_in("alice", "wrong", address=address) for address in addresses(count)]
    assert [answer.status_code for answer in found] == [422] * 8 + [429] * (count - 8)
    assert log_in("alice", address=ELSEWHERE).status_code == 429


def test_the_name_and_the_address_of_a_member_lead_to_one_count(alice: User) -> None:
    guess(["alice", "Alice@example.org"] * 4)
    for name in ("alice", "ALICE", "alice@example.org"):
        assert log_in(name, address=ELSEWHERE).status_code == 422, "refused like a wrong password"


def test_that_two_names_belong_together_is_not_told(alice: User) -> None:
    """Else a stranger could find out who is a member."""
    make_user("bob", password=PASSWORD)
    theirs = guess(["alice", "alice@example.org"] * 9)
    assert guess(["bob", "nobody@example.org"] * 9, address=ELSEWHERE) == theirs


def test_spelling_the_name_differently_gives_no_further_tries(alice: User) -> None:
    names = ["alice", "Alice", "ALICE", " alice", "alice ", "ⓐlice", "alicE", "ALIce"]
    assert guess([*names, "Alice"])[-1] == 429


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["admİn", "ADMİN", "admın", "ADMIN\u0307"])
def test_no_other_letters_are_folded_into_a_username(name: str) -> None:
    make_admin("admin", password=PASSWORD)
    assert log_in(name).status_code == 422
    assert log_in("ADMIN").status_code == 302


def test_unknown_names_are_delayed_like_known_ones() -> None:
    assert guess(["nobody"] * 9) == [422] * 8 + [429]


def test_a_try_costs_the_same_queries_whether_the_name_exists(alice: User) -> None:
    seen = set()
    for name in ("alice", "alice@example.org", "nobody", "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            assert log_in(name, "wrong", address=ELSEWHERE).status_code == 422
        seen.add(len(queries))
    assert len(seen) == 1


def test_a_delay_ends_no_session(alice: User, client: Client) -> None:
    client.force_login(alice)
    guess(["alice"] * 9)
    assert client.get("/settings/").status_code == 200


# -- A known device -----------------------------------------------------------------------------
def test_nobody_delays_a_member_who_comes_with_a_known_device(alice: User, client: Client) -> None:
    log_in("alice", client=client)
    client.post("/logout/")
    for address in addresses(10):
        log_in("alice", "wrong", address=address)
    assert log_in("alice", address=ELSEWHERE).status_code == 429
    assert log_in("alice", client=client, address=ELSEWHERE).status_code == 302


def test_a_neighbour_who_guesses_does_not_delay_a_known_device(alice: User, client: Client) -> None:
    log_in("alice", client=client)
    client.post("/logout/")
    guess([f"name{number}" for number in range(25)])
    assert log_in("alice").status_code == 429
    assert log_in("alice", client=client).status_code == 302


def test_who_was_logged_in_before_the_upgrade_has_a_known_device_after_logging_out(
    alice: User, client: Client
) -> None:
    client.force_login(alice)
    client.post("/logout/")
    guess(["alice"] * 9)
    assert log_in("alice", client=client).status_code == 302


def test_a_known_device_has_no_more_tries_than_others(alice: User, client: Client) -> None:
    log_in("alice", client=client)
    client.post("/logout/")
    assert guess(["alice"] * 9, client=client) == [422] * 8 + [429]
    assert log_in("alice").status_code == 302, "which others do not wait for"


def test_many_devices_of_a_member_have_a_limit_together(alice: User) -> None:
    devices = []
    for _ in range(6):
        devices.append(Client())
        log_in("alice", client=devices[-1])
        devices[-1].post("/logout/")
    found = [status for device in devices for status in guess(["alice"] * 7, client=device)]
    assert found == [422] * 40 + [429] * 2


def test_a_device_is_known_for_its_members_only(alice: User, client: Client) -> None:
    make_user("bob", password=PASSWORD)
    log_in("alice", client=client)
    client.post("/logout/")
    guess(["bob"] * 9)
    assert log_in("bob", client=client).status_code == 429


def test_a_browser_that_two_members_share_is_known_for_both(alice: User, client: Client) -> None:
    make_user("bob", password=PASSWORD)
    for name in ("alice", "bob"):
        log_in(name, client=client)
        client.post("/logout/")
    guess(["alice"] * 9)
    guess(["bob"] * 9, address=ELSEWHERE)
    for name in ("alice", "bob"):
        assert log_in(name, client=client).status_code == 302
        client.post("/logout/")


@pytest.mark.parametrize("how", ["forged", "odd", "cut", "other salt"])
def test_a_cookie_that_the_site_did_not_sign_is_none(alice: User, client: Client, how: str) -> None:
    value = {
        "forged": signing.dumps([(alice.pk.hex, "a")], key="guessed", salt=SALT),
        "odd": "\u00ff:::",
        "cut": signing.dumps([(alice.pk.hex, "a")], salt=SALT)[:-1],
        "other salt": signing.dumps([(alice.pk.hex, "a")], salt="other"),
    }[how]
    guess(["alice"] * 9)
    client.cookies["clipset_device"] = value
    assert log_in("alice", client=client).status_code == 429


@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_of_a_device_is_hidden_from_scripts_and_lives_long(
    alice: User, client: Client, settings: Settings, is_https: bool
) -> None:
    settings.SESSION_COOKIE_SECURE = is_https
    log_in("alice", client=client)
    cookie = client.cookies[cookie_name()]
    assert cookie_name() == ("__Host-clipset_device" if is_https else "clipset_device")
    assert cookie["httponly"] is True
    assert bool(cookie["secure"]) is is_https
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    assert cookie["max-age"] == 400 * 24 * 3600
    assert "alice" not in cookie.value


def test_a_reset_password_makes_the_device_known(alice: User, client: Client) -> None:
    """So a member on a new device gets in, too, while somebody guesses."""
    guess(["alice"] * 9)
    form = client.get(reset_link(alice).removeprefix("http://127.0.0.1:8000"), follow=True)
    new = "a long new passphrase"
    client.post(form.request["PATH_INFO"], {"new_password1": new, "new_password2": new})
    assert log_in("alice", new, client=client).status_code == 302


def reset(client: Client, alice: User, new: str) -> None:
    alice.refresh_from_db()
    form = client.get(reset_link(alice).removeprefix("http://127.0.0.1:8000"), follow=True)
    client.post(form.request["PATH_INFO"], {"new_password1": new, "new_password2": new})


def test_a_reset_lets_in_who_forgot_the_password_on_a_known_device(
    alice: User, client: Client
) -> None:
    """The page with the time to wait says so."""
    log_in("alice", client=client)
    client.post("/logout/")
    assert guess(["alice"] * 9, client=client)[-1] == 429
    reset(client, alice, "a long new passphrase")
    assert log_in("alice", "a long new passphrase", client=client).status_code == 302


def test_a_stolen_cookie_of_a_device_does_not_outlast_a_reset(
    alice: User, client: Client, clock: list[datetime]
) -> None:
    """It uses up the tries of all devices of the member, also on the member's own one."""
    log_in("alice", client=client)
    thief = Client()
    thief.cookies[cookie_name()] = client.cookies[cookie_name()].value
    client.post("/logout/")
    for _ in range(tries.ALL_DEVICES.free):
        assert log_in("alice", "wrong", client=thief).status_code == 422
        clock[0] += timedelta(hours=1)
    log_in("alice", "wrong", client=thief)
    assert log_in("alice", client=client).status_code == 429
    reset(client, alice, "a long new passphrase")
    assert log_in("alice", "a long new passphrase", client=client).status_code == 302


# -- A network ----------------------------------------------------------------------------------
def test_many_names_from_one_address_are_too_many(alice: User) -> None:
    assert guess([f"name{number}" for number in range(24)]) == [422] * 20 + [429] * 4
    assert log_in("alice", address=ELSEWHERE).status_code == 302


def test_an_address_waits_a_quarter_of_an_hour_at_most(clock: list[datetime]) -> None:
    for number in range(27):
        clock[0] += timedelta(minutes=15)
        assert log_in(f"name{number}", "wrong").status_code == 422


@pytest.mark.parametrize(
    ("pattern", "free"),
    [
        ("2001:db8:0:1::{:x}", 20),  # a /64
        ("2001:db8:0:1{:02x}::1", 40),  # a /56
        pytest.param("2001:db8:1:{:x}00::1", 160, marks=pytest.mark.long),  # a /48
    ],
)
def test_an_ipv6_network_has_a_limit_however_its_addresses_change(pattern: str, free: int) -> None:
    statuses = [
        log_in(f"name{number}", "wrong", address=pattern.format(number)).status_code
        for number in range(free + 5)
    ]
    assert statuses == [422] * free + [429] * 5


def test_a_right_try_does_not_reset_the_count_of_an_address(alice: User) -> None:
    """Else somebody could log in to their own account after every few guesses."""
    statuses = []
    for number in range(21):
        statuses.append(log_in(f"name{number}", "wrong").status_code)
        assert log_in("alice").status_code == (302 if number < 19 else 429)
    assert statuses == [422] * 20 + [429]


def test_many_right_log_ins_from_one_address_are_never_too_many() -> None:
    for number in range(25):
        make_user(f"member_{number}", password=PASSWORD)
        assert log_in(f"member_{number}").status_code == 302


# -- What the pages say -------------------------------------------------------------------------
def test_the_page_says_how_long_to_wait_and_keeps_the_name(
    alice: User, clock: list[datetime]
) -> None:
    guess(["alice"] * 8)
    answer = log_in("alice", "s3cret-pass")
    page = answer.content.decode()
    assert "Too many wrong passwords. Try again in 30 seconds, or reset your password." in page
    assert answer["Retry-After"] == "30"
    assert 'value="alice"' in page
    assert "s3cret-pass" not in page


@pytest.mark.parametrize("path", [LOGIN, ADMIN_LOGIN])
@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ({"HTTP_HX_REQUEST": "true"}, "text/plain"),
        ({"HTTP_ACCEPT": "application/json"}, "application/json"),
        ({"HTTP_ACCEPT": "text/html"}, "text/html; charset=utf-8"),
    ],
)
def test_every_client_gets_429_with_the_time(
    alice: User, clock: list[datetime], path: str, header: dict[str, str], kind: str
) -> None:
    guess(["alice"] * 8)
    answer = log_in("alice", path=path, **header)
    assert (answer.status_code, answer["Retry-After"]) == (429, "30")
    assert answer["Content-Type"] == kind
    assert "Try again in 30 seconds" in answer.content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (60, "60 seconds"), (61, "2 minutes"), (900, "15 minutes"), (3600, "1 hour")],
)
def test_a_time_to_wait_is_rounded_up(seconds: int, words: str) -> None:
    assert f"in {words}," in tries.TooManyTriesError(tries.Kind.PASSWORD, seconds=seconds).sentence


# -- Every place that takes a password ----------------------------------------------------------
def test_the_log_in_of_the_admin_is_counted_with_that_of_the_site() -> None:
    make_admin("root", password=PASSWORD)
    guess(["root"] * 4)
    assert guess(["root"] * 5, path=ADMIN_LOGIN) == [200] * 4 + [429]
    assert log_in("root").status_code == 429


def test_a_log_in_to_the_admin_makes_the_device_known(client: Client) -> None:
    make_admin("root", password=PASSWORD)
    assert log_in("root", client=client, path=ADMIN_LOGIN).status_code == 302
    client.post("/logout/")
    guess(["root"] * 9)
    assert log_in("root", client=client, path=ADMIN_LOGIN).status_code == 302


def change(client: Client, path: str, old: str, new: str = "a long new passphrase") -> Any:
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(path, data)


@pytest.mark.parametrize("path", ["/settings/password/", "/admin/password_change/"])
def test_the_current_password_takes_no_more_guesses_than_the_log_in(
    client: Client, clock: list[datetime], path: str
) -> None:
    root = make_admin("root", password=PASSWORD)
    client.force_login(root)
    found = [change(client, path, f"wrong{number}") for number in range(10)]
    assert {answer.status_code for answer in found[:8]} <= {200, 422}
    assert {answer.status_code for answer in found[8:]} == {429}
    assert found[-1]["Retry-After"] == "30"
    assert "Too many wrong passwords. Try again in 30 seconds" in found[-1].content.decode()
    assert change(client, path, PASSWORD).status_code == 429
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


@pytest.mark.parametrize("path", ["/settings/password/", "/admin/password_change/"])
def test_a_stranger_does_not_keep_a_member_from_changing_their_password(
    client: Client, path: str
) -> None:
    client.force_login(make_admin("root", password=PASSWORD))
    guess(["root"] * 9)
    assert change(client, path, PASSWORD).status_code == 302


# -- At once, and for long ----------------------------------------------------------------------
@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_simultaneous_tries_do_not_pass_the_limit() -> None:
    make_user("alice", password=PASSWORD)
    found = together(
        [
            lambda address=address: log_in("alice", "wrong", address=address).status_code  # type: ignore[misc]
            for address in addresses(16)
        ]
    )
    assert sorted(found) == [422] * 8 + [429] * 8


@pytest.mark.both_databases
def test_refused_tries_leave_no_rows_and_others_are_forgotten_after_a_day(
    alice: User, clock: list[datetime]
) -> None:
    guess([f"name{number}" for number in range(20)])
    count = TryCount.objects.count()
    guess([f"other{number}" for number in range(20)])
    assert TryCount.objects.count() == count == 20 * 2 + 1
    clock[0] += timedelta(days=1, seconds=1)
    clear_expired()
    assert not TryCount.objects.exists()


def test_a_count_starts_again_after_a_day_without_a_try(alice: User, clock: list[datetime]) -> None:
    guess(["alice"] * 8)
    clock[0] += timedelta(days=1, seconds=1)
    assert guess(["alice"] * 9) == [422] * 8 + [429]


def test_a_hash_is_made_even_for_what_the_account_refuses(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess(["alice", "alice@example.org"] * 4)
    hashed: list[str | None] = []

    def note(password: str | None) -> str:
        hashed.append(password)
        return make_password(password)

    monkeypatch.setattr("django.contrib.auth.base_user.make_password", note)
    assert SENTENCE in log_in("alice").content.decode()
    assert hashed == [PASSWORD]
