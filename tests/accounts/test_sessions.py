from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.tokens import default_token_generator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import Session, User, stored_key
from accounts.selectors import device_name, session_rows
from accounts.services.members import activate_member, deactivate_member, end_other_sessions
from accounts.sessions import SessionStore
from accounts.tasks import clear_expired
from clipset.lib.ids import hash_token
from clipset.settings import SESSION_COOKIE_AGE
from tests.builders import PASSWORD, live_for, make_admin, make_user

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

SETTINGS = "/settings/"
NEW = "another horse battery"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0"
SAFARI = "Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


def device(user: User, agent: str = FIREFOX) -> Client:
    """Returns a client that has logged in with the password and followed the redirect."""
    client = Client(headers={"User-Agent": agent})
    answer = client.post("/login/", {"username": user.username, "password": PASSWORD}, follow=True)
    assert answer.status_code == 200
    return client


def key_of(client: Client) -> str:
    return str(client.cookies["sessionid"].value)


def stored_key_of(client: Client) -> str:
    return stored_key(key_of(client))


def was_seen(client: Client, when: datetime) -> None:
    store = SessionStore(key_of(client))
    store[SessionStore.SEEN_AT] = when.isoformat()
    store.save()


def is_in(client: Client) -> bool:
    return client.get(SETTINGS).status_code == 200


@pytest.fixture
def alice() -> User:
    return make_user("alice", password=PASSWORD)


# -- The row ------------------------------------------------------------------------------------
def test_a_session_knows_whose_it_is_and_on_which_device(alice: User) -> None:
    before = timezone.now()
    client = device(alice)
    session = Session.objects.get(session_key=stored_key_of(client))
    assert session.user == alice
    assert session.user_agent == FIREFOX
    assert before <= session.started_at <= session.last_seen_at <= timezone.now()


def test_a_very_long_or_odd_user_agent_is_cut(alice: User) -> None:
    for agent in ("x" * 5000, "", "\x80\xff"):
        client = device(alice, agent)
        assert Session.objects.get(session_key=stored_key_of(client)).user_agent == agent[:300]
        assert is_in(client)


def test_a_visitor_who_is_not_logged_in_leaves_no_session() -> None:
    client = Client()
    for page in ("/login/", "/", "/password-reset/", "/healthz"):
        client.get(page)
    assert not Session.objects.exists()


def test_use_is_noted_once_an_hour_and_not_with_every_request(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = device(alice)
    first = Session.objects.get()
    client.get(SETTINGS)
    assert Session.objects.get().last_seen_at == first.last_seen_at
    long_ago = timezone.now() - timedelta(hours=2)
    was_seen(client, long_ago)
    assert Session.objects.get().last_seen_at == long_ago
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(SETTINGS)
    assert len([it for it in queries if it["sql"].startswith('UPDATE "sessions"')]) == 1
    assert answer.cookies["sessionid"]["max-age"] == SESSION_COOKIE_AGE
    session = Session.objects.get()
    assert session.last_seen_at > first.last_seen_at
    assert session.started_at == first.started_at


def test_deleting_a_member_deletes_their_sessions(alice: User) -> None:
    client = device(alice)
    alice.delete()
    assert not Session.objects.exists()
    assert not is_in(client)


def test_sessions_that_ran_out_a_day_ago_are_cleared(alice: User) -> None:
    old, new = device(alice), device(alice)
    Session.objects.filter(session_key=stored_key_of(old)).update(
        expire_date=timezone.now() - timedelta(days=1, seconds=1)
    )
    assert not is_in(old)
    clear_expired()
    assert Session.objects.count() == 2, "the clock may have leapt"
    live_for(1)
    clear_expired()
    assert [session.session_key for session in Session.objects.all()] == [stored_key_of(new)]


# -- The list -----------------------------------------------------------------------------------
def test_the_settings_list_the_members_own_devices_the_present_one_first(alice: User) -> None:
    phone, computer = device(alice, IPHONE), device(alice, FIREFOX)
    device(make_user("bob", password=PASSWORD), "curl/8.5.0")
    page = phone.get(SETTINGS).content.decode()
    assert page.index("Safari on iPhone") < page.index("Firefox on Windows")
    assert "curl" not in page
    page = computer.get(SETTINGS).content.decode()
    assert page.index("Firefox on Windows") < page.index("Safari on iPhone")
    assert page.count("This device") == 1


def test_the_page_names_sessions_by_a_hash_and_never_by_their_key(alice: User) -> None:
    mine, other = device(alice), device(alice, IPHONE)
    page = mine.get(SETTINGS).content.decode()
    assert key_of(mine) not in page
    assert key_of(other) not in page
    assert stored_key_of(other) not in page
    assert hash_token(stored_key_of(other)) in page


def test_the_list_takes_one_query_and_leaves_out_what_ran_out(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    clients = [device(alice) for _ in range(4)]
    Session.objects.filter(session_key=stored_key_of(clients[0])).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )
    with django_assert_num_queries(1):
        rows = session_rows(alice, current=key_of(clients[2]))
    assert [row.is_current for row in rows] == [True, False, False]
    assert [row.id for row in rows] == [hash_token(stored_key_of(clients[n])) for n in (2, 3, 1)]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {CHROME} SamsungBrowser/25.0 {SAFARI}",
            "Samsung Internet on Android",
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} {SAFARI} Edg/128.0.0.0",
            "Edge on Mac",
        ),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} {SAFARI}", "Chrome on Linux"),
        ("curl/8.5.0", "curl"),
        ("something else", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_a_device_is_named_as_far_as_its_user_agent_tells(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_a_user_agent_is_never_markup_on_the_page(alice: User) -> None:
    client = device(alice, "<script>alert(1)</script>")
    assert "<script>alert" not in client.get(SETTINGS).content.decode()


# -- Ending -------------------------------------------------------------------------------------
def end(client: Client, session_key: str) -> int:
    return client.post(f"/settings/sessions/{hash_token(stored_key(session_key))}/end/").status_code


def test_one_device_can_be_logged_out_from_another(alice: User) -> None:
    here, there, third = device(alice), device(alice), device(alice)
    assert end(here, key_of(there)) == 302
    assert [is_in(client) for client in (here, there, third)] == [True, False, True]
    assert end(here, key_of(there)) == 404


def test_nobody_ends_somebody_elses_session(alice: User) -> None:
    bob = device(make_user("bob", password=PASSWORD))
    admin = device(make_admin("root", password=PASSWORD))
    victim = device(alice)
    assert [end(client, key_of(victim)) for client in (bob, admin)] == [404, 404]
    assert is_in(victim)


def test_a_session_is_not_ended_by_its_key_or_by_nonsense(alice: User) -> None:
    here, there = device(alice), device(alice)
    for name in (key_of(there), stored_key_of(there), "0" * 64, "x", "%00", "é"):
        assert here.post(f"/settings/sessions/{name}/end/").status_code == 404
    assert is_in(there)


def test_all_other_devices_can_be_logged_out(alice: User) -> None:
    bob = device(make_user("bob", password=PASSWORD))
    here, *others = (device(alice) for _ in range(4))
    assert here.post("/settings/sessions/end/").status_code == 302
    assert is_in(here)
    assert is_in(bob)
    assert not any(is_in(client) for client in others)


def test_ending_all_but_none_ends_all(alice: User) -> None:
    clients = [device(alice) for _ in range(2)]
    assert end_other_sessions(user=alice, keep=None) == 2
    assert not any(is_in(client) for client in clients)


# -- The password -------------------------------------------------------------------------------
def change_password(client: Client, *, old: str = PASSWORD, new: str = NEW) -> int:
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/settings/password/", data).status_code


def test_a_password_change_keeps_this_session_and_ends_the_others(alice: User) -> None:
    here, there = device(alice), device(alice)
    before = key_of(here)
    assert change_password(here) == 302
    assert Session.objects.filter(user=alice).count() == 1
    assert is_in(here)
    assert not is_in(there)
    assert key_of(here) != before
    alice.refresh_from_db()
    assert check_password(NEW, alice.password)


def test_the_kept_session_still_knows_its_device_after_a_password_change(alice: User) -> None:
    here = device(alice, IPHONE)
    change_password(here)
    session = Session.objects.get()
    assert (session.user, session.user_agent) == (alice, IPHONE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("wrong", NEW), (PASSWORD, "short"), (PASSWORD, "12345678901"), (PASSWORD, "alice@example")],
)
def test_a_refused_password_change_ends_nothing(alice: User, old: str, new: str) -> None:
    here, there = device(alice), device(alice)
    assert change_password(here, old=old, new=new) == 422
    assert is_in(here)
    assert is_in(there)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def reset_password(user: User, client: Client) -> None:
    user.refresh_from_db()
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    link = f"/password-reset/{uid}/{default_token_generator.make_token(user)}/"
    page = client.get(link, follow=True)
    form = page.request["PATH_INFO"]
    answer = client.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert (answer.status_code, answer["Location"]) == (302, "/password-reset/done/")


def test_a_reset_link_ends_every_session(alice: User) -> None:
    phone, computer = device(alice), device(alice)
    reset_password(alice, Client())
    assert not Session.objects.filter(user=alice).exists()
    assert not is_in(phone)
    assert not is_in(computer)


def test_after_a_reset_the_list_has_only_the_new_session(alice: User) -> None:
    device(alice, IPHONE)
    reset_password(alice, Client())
    client = Client(headers={"User-Agent": FIREFOX})
    client.post("/login/", {"username": "alice", "password": NEW})
    page = client.get(SETTINGS).content.decode()
    assert len(re.findall(r'class="device"', page)) == 1
    assert "iPhone" not in page


def test_a_reset_in_a_browser_that_is_logged_in_works_and_ends_that_session_too(
    alice: User,
) -> None:
    client = device(alice)
    reset_password(alice, client)
    assert not is_in(client)


def test_a_reset_ends_nobody_elses_session(alice: User) -> None:
    bob = device(make_user("bob", password=PASSWORD))
    reset_password(alice, bob)
    assert is_in(bob)


# -- Deactivation -------------------------------------------------------------------------------
def test_a_deactivation_ends_the_sessions_at_once(alice: User) -> None:
    clients = [device(alice) for _ in range(2)]
    deactivate_member(user=alice)
    assert not any(is_in(client) for client in clients)
    assert not Session.objects.exists()


def test_a_deactivated_member_stays_out_even_with_a_session_that_was_left(alice: User) -> None:
    client = device(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    for page in (SETTINGS, "/", "/upload/"):
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={page}")


def test_an_old_session_does_not_come_back_with_the_member(alice: User) -> None:
    client = device(alice)
    deactivate_member(user=alice)
    activate_member(user=alice)
    assert not is_in(client)
    assert is_in(device(alice))
