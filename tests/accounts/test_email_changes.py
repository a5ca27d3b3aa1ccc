"""The change of a member's own e-mail address, and what members are told about their account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts import tasks
from accounts.forms import ConfirmForm
from accounts.models import EmailChange, User
from accounts.services.email_changes import confirm_change, find_change, request_change
from accounts.services.members import activate_member, change_email, deactivate_member
from accounts.services.passwords import reset_link
from accounts.services.trash import restore_member, trash_members
from clipset.lib.ids import hash_token
from clipset.lib.refusals import RefusedError
from tests.builders import PASSWORD, make_admin, make_user, make_video
from videos.models import Notification

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

OLD, NEW = "alice@example.org", "new@example.org"


@pytest.fixture
def alice() -> User:
    return make_user("alice", password=PASSWORD)


@pytest.fixture
def mailing(settings: Settings) -> None:
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def work() -> None:
    """Does what was handed to the workers."""
    for waiting in OrmQ.objects.order_by("pk"):
        task = waiting.task
        module, _, name = task["func"].rpartition(".")
        assert module == "accounts.tasks"
        getattr(tasks, name)(*task["args"])
        waiting.delete()


def logged_in(user: User) -> Client:
    client = Client()
    client.post("/login/", {"username": user.username, "password": PASSWORD})
    return client


def link_in(body: object) -> str:
    found = re.search(r"https?://[^/]+(/settings/email/\S+)", str(body))
    assert found
    return found[1]


def sent_to(address: str) -> list[str]:
    return [str(it.subject) for it in mail.outbox if it.to == [address]]


def ask(client: Client, email: str = NEW) -> int:
    return client.post("/settings/email/", {"email": email}).status_code


def email_of(user: User) -> str:
    return User.objects.values_list("email", flat=True).get(pk=user.pk)


def deactivate(user: User) -> Callable[[], object]:
    deactivate_member(user=user)
    return lambda: activate_member(user=user)


def trash(user: User) -> Callable[[], object]:
    admin = make_admin()
    trash_members(users=[user], by=admin)
    return lambda: restore_member(user=User.objects.get(pk=user.pk), by=admin)


# -- With mail ----------------------------------------------------------------------------------
@pytest.mark.usefixtures("mailing")
def test_an_address_counts_once_its_link_was_opened(alice: User) -> None:
    client = logged_in(alice)
    assert ask(client, " New@Example.ORG ") == 302
    work()
    assert email_of(alice) == OLD
    assert sent_to(OLD) == ["Your e-mail address is about to change"]
    assert sent_to(NEW) == ["Confirm your e-mail address on Clipset"]
    assert NEW in client.get("/settings/").content.decode()
    link = link_in(next(it.body for it in mail.outbox if it.to == [NEW]))
    assert EmailChange.objects.get().token_hash == hash_token(link.split("/")[-2])
    answer = client.get(link)
    assert answer.status_code == 200
    assert answer["Referrer-Policy"] == "strict-origin"
    assert email_of(alice) == OLD, "a program that checks mails opens links"
    assert client.post(link).status_code == 302
    assert email_of(alice) == NEW
    work()
    assert sent_to(OLD)[-1] == "Your e-mail address was changed"
    assert client.post(link).status_code == 410
    assert not EmailChange.objects.exists()


@pytest.mark.usefixtures("mailing")
def test_the_password_is_asked_for_and_the_address_kept(alice: User, client: Client) -> None:
    client.force_login(alice)
    page = client.post("/settings/email/", {"email": NEW})
    assert page.status_code == 422
    assert f'name="email" value="{NEW}"' in page.content.decode()
    assert not EmailChange.objects.exists()
    sent = {"email": NEW, ConfirmForm.FIELD: PASSWORD}
    assert client.post("/settings/email/", sent).status_code == 302
    assert EmailChange.objects.get().email == NEW


def test_the_profile_form_does_not_change_the_address(alice: User, client: Client) -> None:
    client.force_login(alice)
    client.post("/settings/", {"username": "alice", "email": NEW})
    assert email_of(alice) == OLD


@pytest.mark.usefixtures("mailing")
def test_only_the_member_can_open_the_link(alice: User) -> None:
    ask(logged_in(alice))
    work()
    link = link_in(mail.outbox[-1].body)
    assert Client().post(link)["Location"].startswith("/login/")
    bob = logged_in(make_user("bob", password=PASSWORD))
    assert (bob.get(link).status_code, bob.post(link).status_code) == (410, 410)
    assert email_of(alice) == OLD


def requested(user: User, email: str = NEW) -> str:
    """Requests a change. Returns its token, which a mail has elsewhere."""
    request_change(user=user, email=email)
    EmailChange.objects.filter(member=user).update(token_hash=hash_token("secret"))
    return "secret"


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize(("hours", "works"), [(0, True), (23, True), (24, False), (-1, False)])
def test_a_link_works_for_a_day(alice: User, hours: int, works: bool) -> None:
    token = requested(alice)
    EmailChange.objects.update(created_at=timezone.now() - timedelta(hours=hours))
    assert (find_change(user=alice, token=token) is not None) == works


@pytest.mark.usefixtures("mailing")
def test_a_new_password_ends_the_link(alice: User) -> None:
    token = requested(alice)
    alice.set_password("another horse battery")
    alice.save()
    with pytest.raises(RefusedError) as refused:
        confirm_change(user=alice, token=token)
    assert refused.value.status == 410
    assert email_of(alice) == OLD


@pytest.mark.usefixtures("mailing")
def test_the_first_member_who_confirms_gets_the_address(alice: User) -> None:
    bob = make_user("bob", password=PASSWORD)
    token = requested(alice)
    request_change(user=bob, email=NEW)
    EmailChange.objects.filter(member=bob).update(token_hash=hash_token("other"))
    confirm_change(user=bob, token="other")
    client = logged_in(alice)
    page = client.post(f"/settings/email/{token}/")
    assert page.status_code == 422
    assert "already uses this e-mail address" in page.content.decode()
    assert email_of(alice) == OLD


@pytest.mark.usefixtures("mailing")
def test_a_later_request_replaces_an_earlier_one(alice: User) -> None:
    client = logged_in(alice)
    ask(client, "first@example.org")
    ask(client)
    work()
    assert not sent_to("first@example.org")
    assert sent_to(NEW)
    assert client.post("/settings/email/cancel/").status_code == 302
    assert not EmailChange.objects.exists()
    assert client.get(link_in(mail.outbox[-1].body)).status_code == 410


@pytest.mark.usefixtures("mailing")
def test_the_link_is_sent_once_however_often_the_task_runs(alice: User) -> None:
    request_change(user=alice, email=NEW)
    created = EmailChange.objects.get().created_at.isoformat()
    assert tasks.send_email_change(str(alice.pk), created)
    assert not tasks.send_email_change(str(alice.pk), created)
    assert len(sent_to(NEW)) == 1


def test_an_address_of_somebody_else_is_refused(alice: User) -> None:
    make_user("bob", email=NEW)
    assert ask(logged_in(alice)) == 422


@pytest.mark.usefixtures("mailing")
def test_changes_of_address_are_limited(alice: User) -> None:
    client = logged_in(alice)
    answers = [ask(client, f"a{number}@example.org") for number in range(6)]
    assert answers == [302] * 5 + [429]


@pytest.mark.usefixtures("mailing")
def test_a_change_by_an_admin_ends_the_members_own_and_tells_the_old_address(alice: User) -> None:
    requested(alice)
    OrmQ.objects.all().delete()
    change_email(user=alice, email="third@example.org")
    work()
    assert not EmailChange.objects.exists()
    assert sent_to(OLD) == ["Your e-mail address was changed"]


@pytest.mark.usefixtures("mailing")
def test_links_that_were_sent_do_not_work_after_another_change(alice: User) -> None:
    client, links = logged_in(alice), []
    for email in ("first@example.org", "second@example.org"):
        ask(client, email)
        work()
        links.append(link_in(mail.outbox[-1].body))
    assert client.post(links[0]).status_code == 410
    assert client.post(links[1]).status_code == 302
    assert email_of(alice) == "second@example.org"
    ask(client, OLD)
    assert [client.post(link).status_code for link in links] == [410, 410]
    assert email_of(alice) == "second@example.org"


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("end", [deactivate, trash])
def test_a_deactivation_ends_the_link_for_good(
    alice: User, end: Callable[[User], Callable[[], object]]
) -> None:
    client = logged_in(alice)
    ask(client)
    work()
    link = link_in(mail.outbox[-1].body)
    begin_again = end(alice)
    assert client.post(link)["Location"].startswith("/login/")
    begin_again()
    assert logged_in(alice).post(link).status_code == 410
    assert email_of(alice) == OLD


# -- Without mail -------------------------------------------------------------------------------
def test_without_mail_the_password_suffices_and_a_notification_says_it(alice: User) -> None:
    client = logged_in(alice)
    assert ask(client) == 302
    assert email_of(alice) == NEW
    page = client.get("/notices/").content.decode()
    assert "The e-mail address of your account was changed." in page
    notification = Notification.objects.get(member=alice)
    answer = client.get(f"/notices/{notification.pk}/")
    assert answer["Location"] == "/settings/"


def test_a_notification_about_an_account_is_about_nothing_else(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(member=alice, kind="ACCOUNT", video=make_video())


# -- The password -------------------------------------------------------------------------------
@pytest.mark.usefixtures("mailing")
def test_members_are_told_of_a_new_password(alice: User) -> None:
    new = {"new_password1": "another horse battery", "new_password2": "another horse battery"}
    logged_in(alice).post("/settings/password/", {"old_password": PASSWORD, **new})
    alice.refresh_from_db()
    client = Client()
    form = client.get(reset_link(alice).partition("8000")[2], follow=True)
    assert client.post(form.redirect_chain[-1][0], new).status_code == 302
    work()
    assert sent_to(OLD) == ["Your password was changed"] * 2
    assert "/password-reset/" in cast("str", mail.outbox[0].body)


def test_a_mail_that_cannot_be_sent_becomes_a_notification(
    alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert not tasks.send_security_mail(str(alice.pk), OLD, "Subject", "Something happened.")
    assert Notification.objects.get(member=alice).text == "Something happened."
