"""Passwords that are easy to guess are refused, wherever somebody chooses one."""

from __future__ import annotations

import string
import time
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import Role, User
from accounts.password_strength import GUESSABLE, LETTER_SYMBOLS, PERSONAL
from accounts.services.invitations import issue_invitation, setup_link
from accounts.services.passwords import reset_link
from tests.builders import PASSWORD, make_admin, make_user

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

MONA = User(username="mona_lisa", email="gioconda@louvre.example")


def refusals(password: str, user: User | None = MONA) -> list[str]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return error.messages
    return []


@pytest.mark.parametrize(
    "password", ["letmein!!", "Passw0rd1!", "qwertyuiop1", "20011999", "aaaaaaaaaaaaB"]
)
def test_what_is_tried_first_is_refused_with_what_to_do(password: str) -> None:
    assert GUESSABLE in refusals(password)


@pytest.mark.parametrize(
    "password", ["Clipset2026", "gioconda99", "Louvre2026", "Friends2026", "Mona_Lisa1"]
)
def test_names_of_the_member_and_the_site_are_known(password: str, settings: Settings) -> None:
    settings.SITE_URL = "https://clips.friends.example"
    assert PERSONAL in refusals(password)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "two wrens in May",
        "xK7qVt2mPz",
        "mona likes tea",
        "7f!Gq2$wLp",
        "пять лисиц у моря",
    ],
)
def test_what_is_hard_to_guess_is_accepted(password: str) -> None:
    assert refusals(password) == []


def test_no_password_takes_long() -> None:
    nasty = [
        LETTER_SYMBOLS * 400,
        (LETTER_SYMBOLS + string.digits) * 200,
        "".join(map(chr, range(33, 127))) * 40,
        "a" * 4096,
        "p4ssw0rd" * 500,
        "1a" * 2000,
        "İ" * 4096,
    ]
    refusals("warm up")  # the lists are loaded at the first use
    for password in nasty:
        began = time.thread_time()
        refusals(password, User(username="u" * 50, email=f"{'.'.join(['e1'] * 80)}@example.org"))
        assert time.thread_time() - began < 0.3, password[:50]


# -- Wherever a password is chosen ----------------------------------------------------------------
WEAK = {"password1": "letmein!!", "password2": "letmein!!"}
NEW_WEAK = {"new_password1": "letmein!!", "new_password2": "letmein!!"}


def test_an_invited_person_is_told(client: Client, db: None) -> None:
    issued = issue_invitation(email="dora@example.org", role=Role.USER, created_by=make_admin())
    path = issued.link.partition("/register/")[2]
    answer = client.post(f"/register/{path}", {"username": "dora", **WEAK})
    assert answer.status_code == 422
    assert GUESSABLE in answer.context["form"].errors["password1"]
    mine = {"password1": "dora-example", "password2": "dora-example"}
    answer = client.post(f"/register/{path}", {"username": "dora", **mine})
    assert answer.status_code == 422


def test_the_first_admin_is_told(client: Client, db: None) -> None:
    path = setup_link().partition("/register/")[2]
    data = {"username": "dora", "email": "dora@example.org", **WEAK}
    answer = client.post(f"/register/{path}", data)
    assert GUESSABLE in answer.context["form"].errors["password1"]


def test_who_resets_a_password_is_told(client: Client, db: None) -> None:
    path = reset_link(make_user("alice")).partition("/password-reset/")[2]
    page = client.get(f"/password-reset/{path}", follow=True)
    answer = client.post(page.redirect_chain[-1][0], NEW_WEAK)
    assert GUESSABLE in answer.context["form"].errors["new_password1"]


def test_who_changes_a_password_is_told_and_the_old_one_still_works(
    client: Client, db: None
) -> None:
    make_user("alice", password="letmein!!")  # from before the upgrade
    answer = client.post("/login/", {"username": "alice", "password": "letmein!!"})
    assert answer.status_code == 302
    answer = client.post("/settings/password/", {"old_password": "letmein!!", **NEW_WEAK})
    assert GUESSABLE in answer.context["password_form"].errors["new_password1"]
