from __future__ import annotations

import logging
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.hashers import BoundedArgon2PasswordHasher
from accounts.models import Invitation, Role, User
from accounts.services.invitations import (
    LIFETIME,
    issue_invitation,
    redeem_invitation,
    renew_invitation,
    setup_link,
)
from accounts.services.members import set_role
from accounts.services.passwords import reset_link
from accounts.tasks import clear_expired
from clipset.lib.ids import hash_token
from tests.accounts.logs import logged
from tests.accounts.together import together
from tests.builders import live_for, make_admin, make_moderator, make_user

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db

INVITATIONS = "/invitations/"
PASSWORD = "correct horse battery staple"
LINK = re.compile(r"https?://[^\s\"'<]+/register/([A-Za-z0-9_-]{43})/")


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invite(client: Client, email: str = "dora@example.org", role: Role = Role.USER) -> str:
    """Creates an invitation and returns the token in the link on the page."""
    answer = client.post(INVITATIONS, {"email": email, "role": role.value})
    assert answer.status_code == 200
    return token_on(answer.content.decode())


def token_on(page: str) -> str:
    tokens = set(LINK.findall(page))
    assert len(tokens) == 1
    return str(tokens.pop())


def register(token: str, username: str = "dora", client: Client | None = None, **more: Any) -> Any:
    data = {"username": username, "password1": PASSWORD, "password2": PASSWORD, **more}
    return (client or Client()).post(f"/register/{token}/", data)


@pytest.fixture
def admin() -> User:
    return make_admin("root")


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.SITE_URL = "https://clips.example.org"


# -- A whole life -------------------------------------------------------------------------------
def test_an_invitation_is_issued_handed_over_and_redeemed(admin: User) -> None:
    token = invite(as_(admin), "Dora@Example.org", Role.MODERATOR)
    guest = Client()
    page = guest.get(f"/register/{token}/")
    assert page.status_code == 200
    assert "root invited you to Clipset" in page.content.decode()
    assert "dora@example.org" in page.content.decode()
    answer = register(token, "Dora_1", guest)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "Welcome, Dora_1." in guest.get("/").content.decode()
    dora = User.objects.get(username="Dora_1")
    assert (dora.email, dora.role, dora.is_staff) == ("dora@example.org", Role.MODERATOR, True)
    assert dora.groups.filter(name="Moderators").exists()
    assert dora.check_password(PASSWORD)
    used_at = Invitation.objects.get().used_at
    assert used_at is not None
    assert timezone.now() - used_at < timedelta(minutes=1)
    assert "Joined" in as_(admin).get(INVITATIONS).content.decode()


def test_the_link_is_shown_once_and_only_its_hash_is_stored(admin: User) -> None:
    client = as_(admin)
    token = invite(client)
    invitation = Invitation.objects.get()
    assert invitation.token_hash == hash_token(token)
    stored = [str(value) for value in Invitation.objects.values().get().values()]
    assert not any(token in value for value in stored)
    assert token not in client.get(INVITATIONS).content.decode()
    assert token not in str(dict(client.session))


def test_an_invitation_lasts_seven_days(admin: User) -> None:
    issued = issue_invitation(email="dora@example.org", role=Role.USER, created_by=admin)
    lifetime = issued.invitation.expires_at - issued.invitation.created_at
    assert lifetime == LIFETIME == timedelta(days=7)


def test_an_invitation_works_once(admin: User) -> None:
    token = invite(as_(admin))
    assert register(token).status_code == 302
    assert Client().get(f"/register/{token}/").status_code == 410
    answer = register(token, "eve")
    assert answer.status_code == 410
    assert "This invitation has already been used" in answer.content.decode()
    assert not User.objects.filter(username="eve").exists()


def test_the_service_redeems_once_even_when_nothing_else_stands_in_the_way(admin: User) -> None:
    """The member has been deleted, so that not even the e-mail address is taken."""
    invitation = issue_invitation(
        email="dora@example.org", role=Role.USER, created_by=admin
    ).invitation
    redeem_invitation(invitation=invitation, username="dora", password=PASSWORD).delete()
    with pytest.raises(ValidationError, match="has been used or has expired"):
        redeem_invitation(invitation=invitation, username="eve", password=PASSWORD)
    assert not User.objects.exclude(pk=admin.pk).exists()


def test_an_expired_invitation_lets_nobody_in(admin: User) -> None:
    token = invite(as_(admin))
    Invitation.objects.update(expires_at=timezone.now())
    answers = [Client().get(f"/register/{token}/"), register(token)]
    assert [answer.status_code for answer in answers] == [410, 410]
    assert all("This invitation has expired" in answer.content.decode() for answer in answers)
    assert not User.objects.filter(username="dora").exists()


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "é", "a:b:c", "a" * 5000, "%ED%A0%80"])
def test_an_unknown_link_is_not_found(token: str) -> None:
    assert Client().get(f"/register/{token}/").status_code == 404
    assert register(token).status_code == 404


def test_the_hash_of_a_link_does_not_open_it(admin: User) -> None:
    invite(as_(admin))
    assert Client().get(f"/register/{Invitation.objects.get().token_hash}/").status_code == 404


def test_two_who_redeem_at_once_do_not_both_get_in(transactional_db: None) -> None:
    issued = issue_invitation(
        email="dora@example.org", role=Role.USER, created_by=make_admin("root")
    )
    token = issued.link.rstrip("/").rpartition("/")[2]
    names = [f"dora{n}" for n in range(4)]
    answers = together([partial(register, token, name) for name in names])
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 302
    assert set(codes[1:]) <= {410, 422}
    assert User.objects.filter(username__startswith="dora").count() == 1


def test_two_who_take_the_same_name_at_once_get_a_sentence(transactional_db: None) -> None:
    root = make_admin("root")
    issued = [
        issue_invitation(email=f"dora{n}@example.org", role=Role.USER, created_by=root)
        for n in range(4)
    ]
    tokens = [each.link.rstrip("/").rpartition("/")[2] for each in issued]
    answers = together([partial(register, token, "dora") for token in tokens])
    assert sorted(answer.status_code for answer in answers) == [302, 422, 422, 422]
    refused = [answer for answer in answers if answer.status_code == 422]
    assert all("That username is taken." in answer.content.decode() for answer in refused)
    assert Invitation.objects.filter(used_at=None).count() == 3


def test_pages_with_a_link_in_their_address_send_no_path_as_referrer(admin: User) -> None:
    token = invite(as_(admin))
    client = Client()
    address = f"/register/{token}/"
    answers = [client.get(address), register(token, "x", client), register(token, "dora", client)]
    answers.append(client.get(address))
    assert [answer.status_code for answer in answers] == [200, 422, 302, 410]
    assert all(answer["Referrer-Policy"] == "strict-origin" for answer in answers)
    assert all("no-store" in answer["Cache-Control"] for answer in answers)


def test_no_link_ever_reaches_the_log(admin: User, with_mail: None) -> None:
    with logged() as log:
        token = invite(as_(admin))
        Client().get(f"/register/{token}x/")  # not found, which Django logs
        register(token, "x")
        register(token)
        register(token, "eve")
        Client().get(f"/register/{token}/")
        with pytest.raises(ZeroDivisionError):
            fail_with(token)
    assert "/register/" in log.getvalue()
    assert token not in log.getvalue()


def fail_with(token: str) -> None:
    try:
        1 / 0  # noqa: B018 to have something to log
    except ZeroDivisionError:
        logging.getLogger("django.request").exception("Internal error: /register/%s/", token)
        raise


# -- What is typed ------------------------------------------------------------------------------
def test_a_username_that_is_taken_in_another_case_is_refused_with_a_sentence(admin: User) -> None:
    make_user("Alice")
    token = invite(as_(admin))
    answer = register(token, "aLICE")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "That username is taken." in page
    assert 'value="aLICE"' in page
    assert register(token, "dora").status_code == 302


@pytest.mark.parametrize(
    "username", ["ab", "a" * 51, "with space", "é", "a@b", "a.b", "", "ab\nc", "a\x00bc", "аlice"]
)
def test_a_username_is_3_to_50_of_letters_digits_and_underscores(
    admin: User, username: str
) -> None:
    token = invite(as_(admin))
    assert register(token, username).status_code == 422
    assert Invitation.objects.get().used_at is None
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "password", ["short", "password", "0123456789", "dora@example", "", "passwörd\x00"]
)
def test_a_weak_password_is_refused_and_the_name_kept(admin: User, password: str) -> None:
    token = invite(as_(admin))
    answer = register(token, "dora", password1=password, password2=password)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="dora"' in page
    assert 'class="field__error"' in page
    assert not User.objects.filter(username="dora").exists()
    assert register(token, "dora").status_code == 302


def test_passwords_that_differ_are_refused(admin: User) -> None:
    token = invite(as_(admin))
    assert register(token, password2=PASSWORD + "x").status_code == 422


def test_a_password_may_be_long_and_in_any_script(admin: User) -> None:
    token = invite(as_(admin))
    password = "пароль 密码 🔑" * 40
    assert register(token, password1=password, password2=password).status_code == 302
    assert User.objects.get(username="dora").check_password(password)


def test_nobody_makes_themselves_more_than_the_invitation_says(admin: User) -> None:
    token = invite(as_(admin))
    more: dict[str, Any] = {
        "role": "ADMIN",
        "is_superuser": "1",
        "is_staff": "1",
        "email": "eve@example.org",
    }
    assert register(token, **more).status_code == 302
    dora = User.objects.get(username="dora")
    assert (dora.role, dora.is_staff, dora.is_superuser) == (Role.USER, False, False)
    assert dora.email == "dora@example.org"


def test_an_address_that_became_a_members_meanwhile_is_told_and_the_link_stays(
    admin: User,
) -> None:
    token = invite(as_(admin))
    other = make_user("other", email="dora@example.org")
    answer = register(token)
    assert answer.status_code == 422
    assert answer.content.decode().count("Someone already uses this e-mail address.") == 1
    other.delete()
    assert register(token).status_code == 302


# -- Issuing ------------------------------------------------------------------------------------
def test_members_do_not_get_to_know_of_the_page() -> None:
    client = as_(make_user("alice"))
    invitation = issue_invitation(
        email="dora@example.org", role=Role.USER, created_by=make_admin()
    ).invitation
    for address in (
        INVITATIONS,
        reverse("invitation_renew", args=[invitation.pk]),
        reverse("invitation_revoke", args=[invitation.pk]),
    ):
        assert client.post(address, {"email": "x@example.org", "role": "USER"}).status_code == 404
    assert client.get(INVITATIONS).status_code == 404
    assert Invitation.objects.count() == 1


def test_moderators_invite_members_only() -> None:
    client = as_(make_moderator("bob"))
    page = client.get(INVITATIONS).content.decode()
    assert 'value="USER"' in page
    assert 'value="MODERATOR"' not in page
    assert 'value="ADMIN"' not in page
    assert register(invite(client, role=Role.USER)).status_code == 302


def test_an_older_invitation_of_a_moderator_to_be_one_is_closed() -> None:
    token = invite(as_(make_moderator("bob")))
    Invitation.objects.update(role=Role.MODERATOR)
    assert register(token).status_code == 410
    assert not User.objects.filter(username="dora").exists()


@pytest.mark.parametrize("role", ["MODERATOR", "ADMIN", "OWNER", "", "admin", "\x00"])
def test_a_role_that_one_may_not_grant_or_none_at_all_is_refused(role: str) -> None:
    client = as_(make_moderator("bob"))
    answer = client.post(INVITATIONS, {"email": "dora@example.org", "role": role})
    assert answer.status_code == 422
    assert 'value="dora@example.org"' in answer.content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN])
def test_the_service_refuses_a_role_that_the_inviter_may_not_grant(role: Role) -> None:
    bob = make_moderator("bob")
    with pytest.raises(ValidationError, match="Only admins"):
        issue_invitation(email="dora@example.org", role=role, created_by=bob)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "dora",
        "dora@",
        "a@b\n.org",
        "a\x00@example.org",
        f"{'a' * 300}@example.org",
        "a@" + ("ß" * 30 + ".") * 7 + "org",  # 222 characters, 432 when it is stored
        "\u0130" * 200 + "@example.org",  # a capital I with a dot becomes two characters
    ],
)
def test_what_is_no_address_is_refused(admin: User, email: str) -> None:
    answer = as_(admin).post(INVITATIONS, {"email": email, "role": "USER"})
    assert answer.status_code == 422
    assert not Invitation.objects.exists()


def test_who_is_a_member_is_not_invited_again(admin: User) -> None:
    make_user("alice", email="alice@example.org", is_active=False)
    answer = as_(admin).post(INVITATIONS, {"email": "ALICE@Example.org", "role": "USER"})
    assert answer.status_code == 422
    assert "This person is already a member." in answer.content.decode()
    assert not Invitation.objects.exists()


def test_a_second_invitation_for_an_address_ends_the_first(admin: User) -> None:
    client = as_(admin)
    first, second = invite(client), invite(client, "DORA@example.org")
    assert Client().get(f"/register/{first}/").status_code == 410
    assert register(second).status_code == 302


def test_the_list_costs_the_same_however_many_there_are(
    admin: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_(admin)
    client.get("/settings/")  # notes the device
    for n in range(12):
        issue_invitation(email=f"d{n}@example.org", role=Role.USER, created_by=make_moderator())
    with django_assert_max_num_queries(6):
        page = client.get(INVITATIONS).content.decode()
    assert page.count("New link") >= 12


class NotingHasher(BoundedArgon2PasswordHasher):
    """The real hasher, which also records whether it was called in a transaction."""

    inside: ClassVar[list[bool]] = []

    def encode(self, password: str, salt: str) -> str:
        self.inside.append(connection.in_atomic_block)
        return super().encode(password, salt)


@pytest.mark.django_db(transaction=True)
def test_passwords_are_hashed_while_others_can_write(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.NotingHasher"]
    NotingHasher.inside.clear()
    token = setup_link().rstrip("/").rpartition("/")[2]
    data = {"username": "root", "email": "root@example.org"}
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    assert Client().post(f"/register/{token}/", data | passwords).status_code == 302
    root = User.objects.get()
    issued = issue_invitation(email="dora@example.org", role=Role.USER, created_by=root)
    assert register(issued.link.rstrip("/").rpartition("/")[2]).status_code == 302
    dora = User.objects.get(username="dora")
    client = Client()
    assert client.post("/login/", {"username": "dora", "password": PASSWORD}).status_code == 302
    new = {"new_password1": "another horse battery", "new_password2": "another horse battery"}
    answer = client.post("/settings/password/", {"old_password": PASSWORD, **new})
    assert answer.status_code == 302
    dora.refresh_from_db()
    page = client.get("/" + reset_link(dora).split("/", 3)[3], follow=True)
    assert client.post(page.request["PATH_INFO"], new).status_code == 302
    assert NotingHasher.inside == [False] * 4


# -- New links, revoking ------------------------------------------------------------------------
def test_a_new_link_replaces_the_old_one(admin: User) -> None:
    client = as_(admin)
    old = invite(client)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    answer = client.post(reverse("invitation_renew", args=[Invitation.objects.get().pk]))
    new = token_on(answer.content.decode())
    assert new != old
    assert Client().get(f"/register/{old}/").status_code == 404
    assert register(new).status_code == 302


def test_a_used_invitation_gets_no_new_link(admin: User) -> None:
    client = as_(admin)
    register(invite(client))
    answer = client.post(reverse("invitation_renew", args=[Invitation.objects.get().pk]))
    assert answer.status_code == 302
    assert "This invitation has already been used" in client.get(INVITATIONS).content.decode()


def test_a_revoked_invitation_is_gone(admin: User) -> None:
    client = as_(admin)
    token = invite(client)
    client.post(reverse("invitation_revoke", args=[Invitation.objects.get().pk]))
    assert not Invitation.objects.exists()
    assert Client().get(f"/register/{token}/").status_code == 404
    assert register(token).status_code == 404


def test_revoking_a_used_invitation_keeps_it_and_its_member(admin: User) -> None:
    client = as_(admin)
    register(invite(client))
    client.post(reverse("invitation_revoke", args=[Invitation.objects.get().pk]))
    assert "This invitation has already been used" in client.get(INVITATIONS).content.decode()
    assert Invitation.objects.exists()
    assert User.objects.filter(username="dora").exists()


@pytest.mark.parametrize("action", ["invitation_renew", "invitation_revoke"])
def test_an_invitation_above_ones_role_is_out_of_reach(admin: User, action: str) -> None:
    invite(as_(admin), role=Role.ADMIN)
    invitation = Invitation.objects.get()
    client = as_(make_moderator("bob"))
    assert client.post(reverse(action, args=[invitation.pk])).status_code == 404
    with pytest.raises(ValidationError):
        renew_invitation(invitation=invitation, renewed_by=make_moderator())
    assert Invitation.objects.get().token_hash == invitation.token_hash


# -- The one who invited ------------------------------------------------------------------------
def test_the_invitations_of_a_deactivated_inviter_let_nobody_in() -> None:
    bob = make_moderator("bob")
    token = invite(as_(bob))
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert Client().get(f"/register/{token}/").status_code == 410
    assert register(token).status_code == 410
    with pytest.raises(ValidationError):
        redeem_invitation(invitation=Invitation.objects.get(), username="dora", password=PASSWORD)
    assert not User.objects.filter(username="dora").exists()


def test_a_new_link_from_another_makes_a_deactivated_inviters_invitation_work(
    admin: User,
) -> None:
    bob = make_moderator("bob")
    invite(as_(bob))
    User.objects.filter(pk=bob.pk).update(is_active=False)
    answer = as_(admin).post(reverse("invitation_renew", args=[Invitation.objects.get().pk]))
    token = token_on(answer.content.decode())
    assert "root invited you to Clipset" in Client().get(f"/register/{token}/").content.decode()
    assert register(token).status_code == 302


def test_an_inviter_who_was_demoted_grants_no_more_than_they_have_left(admin: User) -> None:
    bob = make_admin("bob")
    token = invite(as_(bob), role=Role.ADMIN)
    other = invite(as_(bob), "eve@example.org", Role.USER)
    set_role(user=bob, role=Role.MODERATOR, granted_by=admin)
    assert register(token).status_code == 410
    assert not User.objects.filter(username="dora").exists()
    assert register(other, "eve").status_code == 302


def test_deleting_the_inviter_deletes_their_invitations() -> None:
    bob = make_moderator("bob")
    token = invite(as_(bob))
    bob.delete()
    assert not Invitation.objects.exists()
    assert register(token).status_code == 404


def test_invitations_that_nobody_took_are_cleared_after_a_month(admin: User) -> None:
    client = as_(admin)
    for n, days in enumerate((29, 31)):
        invite(client, f"d{n}@example.org")
        Invitation.objects.filter(email=f"d{n}@example.org").update(
            expires_at=timezone.now() - timedelta(days=days)
        )
    register(invite(client))
    Invitation.objects.filter(email="dora@example.org").update(
        expires_at=timezone.now() - timedelta(days=99)
    )
    assert clear_expired() == 0, "the clock may have leapt"
    live_for(31)
    assert clear_expired() == 1
    emails = Invitation.objects.values_list("email", flat=True)
    assert sorted(emails) == ["d0@example.org", "dora@example.org"]


# -- Mail ---------------------------------------------------------------------------------------
def test_the_invitation_is_mailed_where_mail_is_configured(admin: User, with_mail: None) -> None:
    answer = as_(admin).post(INVITATIONS, {"email": "dora@example.org", "role": "USER"})
    page = answer.content.decode()
    assert "We've e-mailed it." in page
    (message,) = mail.outbox
    assert message.to == ["dora@example.org"]
    assert message.subject == "root invited you to Clipset"
    token = token_on(str(message.body))
    assert token == token_on(page)
    assert f"https://clips.example.org/register/{token}/" in message.body
    assert register(token).status_code == 302


def test_a_new_link_is_mailed_too(admin: User, with_mail: None) -> None:
    client = as_(admin)
    invite(client)
    client.post(reverse("invitation_renew", args=[Invitation.objects.get().pk]))
    first, second = (token_on(str(message.body)) for message in mail.outbox)
    assert first != second


def test_where_no_mail_is_configured_the_page_says_to_hand_the_link_over(admin: User) -> None:
    client = as_(admin)
    assert "This site doesn't send e-mail" in client.get(INVITATIONS).content.decode()
    page = client.post(INVITATIONS, {"email": "dora@example.org", "role": "USER"})
    assert "Copy this link and send it to them." in page.content.decode()
    assert not mail.outbox


def answer_once(listener: socket.socket, greeting: bytes) -> None:
    """Acts as a mail server that sends a greeting and closes the connection."""
    line, _ = listener.accept()
    with line:
        line.sendall(greeting)


@pytest.mark.parametrize(
    "greeting", [None, b"", b"554 No service today\r\n", b"220 mx\r\n\xff\xfe\r\n"]
)
def test_when_the_mail_server_is_gone_the_page_says_so_and_shows_the_link(
    admin: User,
    with_mail: None,
    settings: Settings,
    greeting: bytes | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = listener.getsockname()
        if greeting is None:
            listener.close()
        else:
            server.submit(answer_once, listener, greeting)
        answer = as_(admin).post(INVITATIONS, {"email": "dora@example.org", "role": "USER"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "The e-mail could not be sent" in page
    assert (
        f"The e-mail of invitation {Invitation.objects.get().pk} could not be sent" in caplog.text
    )
    assert register(token_on(page)).status_code == 302


def test_what_members_call_themselves_cannot_forge_a_mail(with_mail: None) -> None:
    """A username contains only letters, digits and underscores, and the form checks the address."""
    client = as_(make_moderator("bob"))
    client.post(INVITATIONS, {"email": "a@example.org\nBcc: b@example.org", "role": "USER"})
    assert not mail.outbox
