from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_q.models import OrmQ

from accounts.models import Throttle, User
from accounts.services.passwords import reset_link
from accounts.services.throttle import allow
from accounts.tasks import clear_expired, send_reset
from tests.accounts.logs import logged
from tests.accounts.together import together
from tests.builders import PASSWORD, make_user

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PAGE = "/password-reset/"
NEW = "another horse battery"
LINK = re.compile(r"https://clips\.example\.org(/password-reset/[^/\s]+/[^/\s]+/)")


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.SITE_URL = "https://clips.example.org"


@pytest.fixture
def alice() -> User:
    return make_user("alice", password=PASSWORD)


def ask(email: str, client: Client | None = None) -> Any:
    return (client or Client()).post(PAGE, {"email": email})


def run_queue() -> list[bool]:
    """Runs the waiting tasks as a worker would."""
    results = []
    for waiting in OrmQ.objects.order_by("pk"):
        task = waiting.task
        assert task["func"] == "accounts.tasks.send_reset"
        results.append(send_reset(*task["args"]))
        waiting.delete()
    return results


def mailed_link() -> str:
    (message,) = mail.outbox
    links = LINK.findall(str(message.body))
    assert len(links) == 1
    return str(links[0])


def choose(path: str, new: str = NEW, client: Client | None = None) -> Any:
    """Opens the link like a browser, follows the redirect to the address without token, posts."""
    client = client or Client()
    page = client.get(path, follow=True)
    if "new_password1" not in page.content.decode():
        return page
    return client.post(page.request["PATH_INFO"], {"new_password1": new, "new_password2": new})


def test_a_mail_that_was_asked_for_an_hour_ago_is_not_sent_any_more(with_mail: None) -> None:
    make_user("bob", email="bob@example.org")
    long_ago = timezone.now() - timedelta(hours=1, minutes=1)
    assert not send_reset("bob@example.org", long_ago.isoformat())
    assert mail.outbox == []
    assert send_reset("bob@example.org", timezone.now().isoformat())
    assert len(mail.outbox) == 1


def test_a_forgotten_password_is_reset_by_mail(with_mail: None, alice: User) -> None:
    answer = ask("Alice@Example.ORG ")
    assert (answer.status_code, answer["Location"]) == (302, "/password-reset/sent/")
    assert Client().get(answer["Location"]).status_code == 200
    assert not mail.outbox, "sent in the request"
    assert run_queue() == [True]
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert message.subject == "Reset your Clipset password"
    answer = choose(mailed_link())
    assert (answer.status_code, answer["Location"]) == (302, "/password-reset/done/")
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_the_link_works_once(with_mail: None, alice: User) -> None:
    path = path_of(alice)
    assert choose(path).status_code == 302
    answer = choose(path, "a third horse battery")
    assert "This link no longer works" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def path_of(user: User) -> str:
    return "/" + reset_link(user).split("/", 3)[3]


def test_a_log_in_ends_the_link(alice: User) -> None:
    path = path_of(alice)
    Client().post("/login/", {"username": "alice", "password": PASSWORD})
    assert "This link no longer works" in choose(path).content.decode()


@pytest.mark.parametrize(("hours", "works"), [(23, True), (25, False)])
def test_the_link_lasts_a_day(alice: User, hours: int, works: bool) -> None:
    class Then(PasswordResetTokenGenerator):
        def _now(self) -> datetime:
            return datetime.now() - timedelta(hours=hours)  # noqa: DTZ005 as Django's own

    uid = urlsafe_base64_encode(force_bytes(alice.pk))
    answer = choose(f"/password-reset/{uid}/{Then().make_token(alice)}/")
    assert answer.status_code == (302 if works else 200)
    alice.refresh_from_db()
    assert alice.check_password(NEW) is works


def test_a_deactivated_members_link_gives_them_no_way_in(alice: User) -> None:
    path = path_of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    choose(path)
    answer = Client().post("/login/", {"username": "alice", "password": NEW})
    assert answer.status_code == 422


def test_a_deactivated_member_prepares_no_password_for_later(alice: User) -> None:
    path, client = path_of(alice), Client()
    page = client.get(path, follow=True)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    sent = {"new_password1": NEW, "new_password2": NEW}
    answer = client.post(page.request["PATH_INFO"], sent)
    assert "This link no longer works" in answer.content.decode()
    User.objects.filter(pk=alice.pk).update(is_active=True)
    assert Client().post("/login/", {"username": "alice", "password": NEW}).status_code == 422


@pytest.mark.parametrize("uid", ["x", "!!!!", "AAAA", "é", "a" * 3000, "%00"])
@pytest.mark.parametrize("token", ["x", "set-password", "a-b", "é", "%00"])
def test_links_that_nobody_made_open_nothing(uid: str, token: str) -> None:
    page = Client().get(f"/password-reset/{uid}/{token}/", follow=True)
    assert page.status_code == 200
    assert "This link no longer works" in page.content.decode()


def test_one_members_token_opens_nobody_elses_account(alice: User) -> None:
    bob = make_user("bob", password=PASSWORD)
    uid = urlsafe_base64_encode(force_bytes(bob.pk))
    token = path_of(alice).split("/")[3]
    assert "This link no longer works" in choose(f"/password-reset/{uid}/{token}/").content.decode()


def test_a_weak_password_is_refused_and_the_link_still_works(alice: User) -> None:
    path, client = path_of(alice), Client()
    answer = choose(path, "short", client)
    assert answer.status_code == 422
    assert 'class="field__error"' in answer.content.decode()
    assert choose(path, NEW, client).status_code == 302


# -- Nothing is given away ----------------------------------------------------------------------
def test_answer_and_work_are_the_same_for_members_and_strangers(
    with_mail: None, alice: User
) -> None:
    make_user("bob", is_active=False)
    make_user("charlie")
    ask("somebody@example.org")  # the first one of this client is counted again
    seen = []
    for email in ("alice", "bob", "charlie", "nobody"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = ask(f"{email}@example.org")
        kinds = [re.sub(r"'[^']*'|_x[0-9]+", "?", query["sql"])[:40] for query in queries]
        # These two hold the time and the id of the request.
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in {"Expires", "X-Request-ID"}
        }
        seen.append((answer.status_code, answer["Location"], headers, kinds))
    assert all(each == seen[0] for each in seen)
    assert OrmQ.objects.count() == 5


def test_only_an_active_member_is_mailed(with_mail: None, alice: User) -> None:
    make_user("bob", is_active=False)
    for email in ("bob", "nobody", "alice"):
        ask(f"{email}@example.org")
    assert run_queue() == [False, False, True]
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]


# -- Not too often ------------------------------------------------------------------------------
def test_one_mail_goes_out_in_five_minutes_and_nothing_tells_so(
    with_mail: None, alice: User
) -> None:
    for email in ("alice@example.org", "nobody@example.org"):
        first, *again = [ask(email), ask(email.upper()), ask(f" {email}")]
        for answer in again:
            assert (answer.status_code, answer["Location"]) == (302, first["Location"])
    assert run_queue() == [True, False]
    Throttle.objects.update(started_at=timezone.now() - timedelta(minutes=4, seconds=50))
    ask("alice@example.org")
    assert run_queue() == []
    Throttle.objects.update(started_at=timezone.now() - timedelta(minutes=5))
    ask("alice@example.org")
    assert run_queue() == [True]


def test_after_twenty_from_one_network_address_an_hour_has_to_pass(
    with_mail: None, alice: User
) -> None:
    for n in range(20):
        assert ask(f"a{n}@example.org").status_code == 302
    answer = ask("alice@example.org")
    assert answer.status_code == 429
    page = answer.content.decode()
    assert "Too many requests. Try again in an hour." in page
    assert 'value="alice@example.org"' in page
    assert OrmQ.objects.count() == 20
    elsewhere = Client(REMOTE_ADDR="198.51.100.9")
    assert ask("bob@example.org", elsewhere).status_code == 302
    Throttle.objects.update(started_at=timezone.now() - timedelta(minutes=61))
    assert ask("alice@example.org").status_code == 302


def test_a_network_of_ipv6_is_one_address(with_mail: None) -> None:
    clients = [Client(REMOTE_ADDR=f"2001:db8:0:1::{n}") for n in range(1, 22)]
    answers = [ask(f"a{n}@example.org", client) for n, client in enumerate(clients)]
    assert [answer.status_code for answer in answers] == [302] * 20 + [429]


def test_what_is_no_address_is_not_counted(with_mail: None) -> None:
    assert [ask("nonsense").status_code for _ in range(25)] == [422] * 25
    assert ask("alice@example.org").status_code == 302


def test_the_counts_of_long_ago_are_cleared_and_hold_no_address(with_mail: None) -> None:
    ask("alice@example.org")
    assert Throttle.objects.count() == 3  # of the client, and two of the address
    assert not Throttle.objects.filter(key__contains="alice").exists()
    clear_expired()
    assert Throttle.objects.count() == 3
    Throttle.objects.update(started_at=timezone.now() - timedelta(days=1, minutes=1))
    clear_expired()
    assert not Throttle.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["none", "some", "expired"])
def test_no_number_of_requests_at_once_passes_a_limit(before: str) -> None:
    hour = timedelta(hours=1)
    if before != "none":
        assert allow("tests", "alice", times=5, within=hour)
    if before == "expired":
        Throttle.objects.update(started_at=timezone.now() - hour, times=5)
    answers = together([lambda: allow("tests", "alice", times=5, within=hour)] * 16)
    assert sum(answers) == (4 if before == "some" else 5)
    assert allow("tests", "bob", times=5, within=hour)


@pytest.mark.parametrize("email", ["", "alice", "a\x00@example.org", "a" * 300 + "@example.org"])
def test_what_is_no_address_is_told(with_mail: None, email: str) -> None:
    answer = ask(email)
    assert answer.status_code == 422
    assert 'class="field__error"' in answer.content.decode()
    assert not OrmQ.objects.exists()


def test_without_mail_the_page_says_so_and_a_post_does_nothing(alice: User) -> None:
    page = Client().get(PAGE)
    assert page.status_code == 200
    assert "This site doesn't send e-mail" in page.content.decode()
    assert "<form" not in page.content.decode()
    answer = ask("alice@example.org")
    assert answer.status_code == 422
    assert "This site doesn't send e-mail" in answer.content.decode()
    assert not OrmQ.objects.exists()
    assert not mail.outbox


def test_the_pages_send_no_path_as_referrer_and_are_kept_by_nobody(alice: User) -> None:
    path, client = path_of(alice), Client()
    answers = [client.get(path)]
    answers += [client.get(answers[0]["Location"]), choose(path, "short", client)]
    answers += [choose(path, NEW, client), client.get(path)]
    assert [answer.status_code for answer in answers] == [302, 200, 422, 302, 200]
    assert all(answer["Referrer-Policy"] == "strict-origin" for answer in answers)
    assert all("no-store" in answer["Cache-Control"] for answer in answers)


def test_no_link_ever_reaches_the_log_or_the_queue(with_mail: None, alice: User) -> None:
    with logged() as log:
        ask("alice@example.org")
        assert "/password-reset/" not in str(OrmQ.objects.get().task)
        run_queue()
        path = mailed_link()
        token = path.split("/")[3]
        choose(path, "short")
        Client().get(path[:-1] + "x/nothing/")
        Client().put(path)
        choose(path)
        choose(path)
    assert "/password-reset/" in log.getvalue()
    assert token not in log.getvalue()
