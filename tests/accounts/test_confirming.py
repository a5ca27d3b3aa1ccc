"""Giving the password again before a sensitive change."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.confirming import CONFIRMED_AT, needs_confirmation
from accounts.forms import ConfirmForm
from accounts.services.tries import ACCOUNT
from tests.builders import PASSWORD, make_user

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

PAGE = "/settings/confirm/"
WRONG = "not the password"


@pytest.fixture
def alice() -> User:
    return make_user("alice", password=PASSWORD)


def age_confirmation(client: Client, by: timedelta) -> None:
    session = client.session
    session[CONFIRMED_AT] = (timezone.now() - by).isoformat()
    session.save()


def give(client: Client, password: str, *, back: str = "") -> HttpResponse:
    answer = client.post(f"{PAGE}?next={back}", {ConfirmForm.FIELD: password})
    assert isinstance(answer, HttpResponse)
    return answer


@needs_confirmation
def change(request: HttpRequest, what: str) -> HttpResponse:
    return HttpResponse(f"{what}: {request.POST.getlist('color')}")


def ask(user: User, request: HttpRequest, *, age: timedelta | None = None) -> HttpResponse:
    """Calls the guarded view in a session that was confirmed `age` ago, or never."""
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    request.user = user
    if age is not None:
        request.session[CONFIRMED_AT] = (timezone.now() - age).isoformat()
    return change(request, "changed")


# -- The decorator ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("minutes", "passes"), [(None, False), (0, True), (9, True), (10, False), (-1, False)]
)
def test_a_confirmation_counts_for_ten_minutes(
    alice: User, minutes: int | None, passes: bool
) -> None:
    age = None if minutes is None else timedelta(minutes=minutes)
    answer = ask(alice, RequestFactory().post("/change/"), age=age)
    assert (answer.status_code == 200) == passes


def test_a_get_leads_to_the_page_and_back(alice: User) -> None:
    answer = ask(alice, RequestFactory().get("/change/?a=b&c=d"))
    assert answer.status_code == 302
    assert answer["Location"] == f"{PAGE}?next=%2Fchange%2F%3Fa%3Db%26c%3Dd"


def test_a_post_asks_for_the_password_and_keeps_what_was_typed(alice: User) -> None:
    sent = {"color": ["blue", '"><script>'], "csrfmiddlewaretoken": "token"}
    answer = ask(alice, RequestFactory().post("/change/?a=b", sent))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'action="/change/?a=b"' in page
    assert '<input type="hidden" name="color" value="blue">' in page
    assert 'value="&quot;&gt;&lt;script&gt;"' in page
    assert "<script>" not in page
    assert 'value="token"' not in page


def test_the_password_beside_what_was_typed_passes(alice: User) -> None:
    sent = {"color": ["blue", "red"], ConfirmForm.FIELD: PASSWORD}
    answer = ask(alice, RequestFactory().post("/change/", sent))
    assert answer.content.decode() == "changed: ['blue', 'red']"


def test_a_wrong_password_is_said_and_what_was_typed_stays(alice: User) -> None:
    answer = ask(
        alice, RequestFactory().post("/change/", {"color": "blue", ConfirmForm.FIELD: "x"})
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "That password isn&#x27;t right" in page
    assert 'name="color" value="blue"' in page
    assert 'value="x"' not in page


def test_a_script_is_told_where_to_go(alice: User) -> None:
    request = RequestFactory().post("/change/", headers={"Accept": "application/json"})
    answer = ask(alice, request)
    assert answer.status_code == 401
    assert answer["HX-Redirect"].startswith(PAGE)


# -- The page -----------------------------------------------------------------------------------
def test_a_log_in_counts_as_a_confirmation(alice: User) -> None:
    client = Client()
    client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert client.get(f"{PAGE}?next=/upload/")["Location"] == "/upload/"
    age_confirmation(client, timedelta(minutes=11))
    assert client.get(f"{PAGE}?next=/upload/").status_code == 200


def test_the_right_password_leads_back(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert give(client, WRONG, back="/upload/").status_code == 422
    answer = give(client, PASSWORD, back="/upload/%3Fa=b")
    assert (answer.status_code, answer["Location"]) == (302, "/upload/?a=b")


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""],
)
def test_nobody_is_led_to_another_site(alice: User, client: Client, back: str) -> None:
    client.force_login(alice)
    assert give(client, PASSWORD, back=back)["Location"] == "/settings/"


def test_tries_are_counted_for_each_member_at_all_places_together(
    alice: User, client: Client
) -> None:
    client.force_login(alice)
    new = {"new_password1": "another horse battery", "new_password2": "another horse battery"}
    for number in range(ACCOUNT.free):
        if number % 2:
            assert give(client, WRONG).status_code == 422
        else:
            sent = {"old_password": WRONG, **new}
            assert client.post("/settings/password/", sent).status_code == 422
    for answer in (
        give(client, PASSWORD),
        client.post("/settings/password/", {"old_password": PASSWORD, **new}),
    ):
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 30
        assert "Too many wrong passwords" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    bob = make_user("bob", password=PASSWORD)
    client.force_login(bob)
    assert give(client, PASSWORD).status_code == 302


@pytest.mark.parametrize("at", ["/settings/confirm/", "/settings/password/"])
def test_a_hash_that_is_replaced_does_not_log_the_member_out(
    alice: User, client: Client, settings: Settings, at: str
) -> None:
    """As after an upgrade that makes hashes stronger, in a session from before."""
    client.force_login(alice)
    settings.PASSWORD_HASHERS = [
        "accounts.hashers.BoundedArgon2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    weak = {"new_password1": "letmein!!", "new_password2": "letmein!!"}
    client.post(at, {"confirm_password": PASSWORD, "old_password": PASSWORD, **weak})
    alice.refresh_from_db()
    assert alice.password.startswith("argon2")
    assert client.get("/settings/").status_code == 200


def test_a_member_without_a_password_is_told_what_to_do(client: Client) -> None:
    client.force_login(make_user())
    assert "Ask an admin" in client.get(PAGE).content.decode()


def test_a_confirmation_ends_with_its_session(alice: User, client: Client) -> None:
    client.post("/login/", {"username": "alice", "password": PASSWORD})
    client.force_login(make_user("bob", password=PASSWORD))
    assert client.get(PAGE).status_code == 200


# -- Attacks ------------------------------------------------------------------------------------
def copy_of(client: Client) -> Client:
    """A browser with the same session, as of somebody who has stolen its cookie."""
    thief = Client()
    for name, morsel in client.cookies.items():
        thief.cookies[name] = morsel.value
    return thief


def asks(client: Client) -> bool:
    answer = client.post("/settings/email/", {"email": "evil@example.org"})
    assert answer.status_code in {302, 422}
    return f'name="{ConfirmForm.FIELD}"' in answer.text


def test_a_stolen_session_ends_when_its_member_confirms(alice: User, client: Client) -> None:
    client.force_login(alice)
    thief = copy_of(client)
    assert asks(thief)
    assert give(client, PASSWORD).status_code == 302
    assert thief.post("/settings/email/", {"email": "evil@example.org"})["Location"].startswith(
        "/login/"
    )
    assert client.get(f"{PAGE}?next=/upload/")["Location"] == "/upload/", "the member stays in"
    alice.refresh_from_db()
    assert alice.email != "evil@example.org"


def test_a_session_that_somebody_planted_is_not_the_one_of_the_log_in(alice: User) -> None:
    planted = Client()
    planted.force_login(make_user("eve", password=PASSWORD))
    victim = copy_of(planted)
    victim.post("/login/", {"username": "alice", "password": PASSWORD})
    victim.post("/logout/")
    victim.post("/login/", {"username": "alice", "password": PASSWORD})
    assert victim.get("/settings/").context["user"] == alice
    assert planted.get("/settings/").status_code == 302


def test_a_confirmation_in_one_tab_serves_the_others_and_no_other_device(alice: User) -> None:
    laptop, phone = Client(), Client()
    for client in (laptop, phone):
        client.force_login(alice)
    assert give(laptop, PASSWORD).status_code == 302
    assert asks(phone)
    assert not asks(laptop), "tabs share the cookie"


def test_a_time_that_is_to_come_counts_neither_now_nor_then(alice: User, client: Client) -> None:
    client.force_login(alice)
    age_confirmation(client, timedelta(minutes=-30))
    assert asks(client)
    assert CONFIRMED_AT not in client.session
    age_confirmation(client, timedelta(days=-400))
    assert asks(client)
    age_confirmation(client, timedelta(days=400))
    assert asks(client)


def test_an_answer_that_is_sent_again_still_needs_the_password(alice: User, client: Client) -> None:
    client.force_login(alice)
    sent = {"email": "new@example.org", ConfirmForm.FIELD: PASSWORD}
    assert client.post("/settings/email/", sent).status_code == 302
    age_confirmation(client, timedelta(minutes=10))
    assert asks(client)
    sent = {"email": "evil@example.org", ConfirmForm.FIELD: WRONG}
    assert client.post("/settings/email/", sent).status_code == 422
