"""Members are told of log-ins on devices that their account has not used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.test import Client

from accounts.services.devices import cookie_name
from tests.accounts.test_email_changes import work
from tests.builders import PASSWORD, make_admin, make_user
from videos.models import Notification

if TYPE_CHECKING:
    from pytest_django import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def alice() -> User:
    return make_user("alice", password=PASSWORD)


def log_in(client: Client, name: str = "alice", page: str = "/login/") -> None:
    answer = client.post(page, {"username": name, "password": PASSWORD})
    assert answer.status_code == 302


def told(user: User) -> list[str]:
    return [it.text for it in Notification.objects.filter(member=user).order_by("pk")]


def test_only_a_log_in_on_a_device_that_was_not_used_is_told(alice: User) -> None:
    mine, other = Client(), Client(headers={"User-Agent": FIREFOX})
    log_in(mine)
    assert told(alice) == [], "the first log-in is the member's"
    mine.post("/logout/")
    log_in(mine)
    assert told(alice) == []
    log_in(other)
    log_in(other)
    assert len(told(alice)) == 1
    assert "new device: Firefox on Windows" in told(alice)[0]


def test_a_device_of_somebody_else_is_a_new_one(alice: User) -> None:
    log_in(Client())
    make_user("bob", password=PASSWORD)
    shared = Client()
    log_in(shared, "bob")
    shared.post("/logout/")
    log_in(shared)
    assert len(told(alice)) == 1


def test_wrong_passwords_are_not_told(alice: User) -> None:
    log_in(Client())
    Client().post("/login/", {"username": "alice", "password": "wrong"})
    assert told(alice) == []


def test_the_device_of_a_session_from_before_the_upgrade_is_known(alice: User) -> None:
    log_in(Client())
    client = Client()
    client.force_login(alice)
    assert cookie_name() not in client.cookies
    client.get("/settings/")
    assert cookie_name() in client.cookies
    client.cookies.pop("sessionid")
    log_in(client)
    assert told(alice) == []


def test_a_visitor_gets_no_cookie_of_a_device() -> None:
    client = Client()
    for page in ("/login/", "/", "/healthz"):
        client.get(page)
    assert cookie_name() not in client.cookies


def test_a_log_in_to_the_admin_is_told_by_mail(settings: Settings) -> None:
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    root = make_admin("root", password=PASSWORD)
    for _device in range(2):
        log_in(Client(), "root", "/admin/login/?next=/admin/")
    work()
    assert [(it.to, it.subject) for it in mail.outbox] == [
        ([root.email], "A log-in on a new device")
    ]
