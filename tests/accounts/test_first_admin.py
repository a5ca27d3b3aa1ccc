from __future__ import annotations

import time
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from accounts.models import Role, User
from accounts.services.invitations import SETUP_SALT, create_first_admin, setup_link
from tests.accounts.together import together
from tests.builders import make_admin, make_moderator, make_user

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def set_up(path: str, username: str = "root", **more: str) -> Any:
    data = {
        "username": username,
        "email": f"{username}@Example.org",
        "password1": PASSWORD,
        "password2": PASSWORD,
        **more,
    }
    return Client().post(path, data)


def test_the_first_admin_is_made_by_the_link() -> None:
    path = path_of(setup_link())
    page = Client().get(path)
    assert page.status_code == 200
    assert "You're the first one here." in page.content.decode()
    answer = set_up(path)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    root = User.objects.get()
    assert (root.username, root.email, root.role) == ("root", "root@example.org", Role.ADMIN)
    assert root.is_superuser
    assert answer.client.get("/admin/").status_code == 200


def test_the_link_works_once() -> None:
    path = path_of(setup_link())
    set_up(path)
    assert Client().get(path).status_code == 404
    assert set_up(path, "eve").status_code == 404
    assert User.objects.count() == 1


def test_the_link_works_only_while_there_is_no_admin() -> None:
    make_user("alice")
    make_moderator("bob")
    path = path_of(setup_link())
    assert Client().get(path).status_code == 200
    make_admin("root")
    assert Client().get(path).status_code == 404
    assert set_up(path, "eve").status_code == 404


def test_an_admin_who_cannot_log_in_is_none() -> None:
    """If such an admin counted, nobody could administer the site or create another admin."""
    path = path_of(setup_link())
    make_admin("root", is_active=False)
    assert Client().get(path).status_code == 200
    set_up(path, "eve")
    assert User.objects.get(username="eve").is_admin


@pytest.mark.parametrize(("age", "status"), [(0, 200), (3500, 200), (3700, 404), (10**6, 404)])
def test_the_link_lasts_an_hour(age: int, status: int) -> None:
    class Then(signing.TimestampSigner):
        def timestamp(self) -> str:
            return signing.b62_encode(int(time.time()) - age)

    token = Then(salt=SETUP_SALT).sign_object("first-admin")
    path = f"/register/{token}/"
    assert Client().get(path).status_code == status
    assert set_up(path).status_code == (302 if status == 200 else 404)


def test_a_link_signed_for_something_else_or_with_another_key_opens_nothing(
    settings: Settings,
) -> None:
    other = signing.dumps("first-admin", salt="something else")
    assert Client().get(f"/register/{other}/").status_code == 404
    path = path_of(setup_link())
    assert Client().get(path[:-2] + "x/").status_code == 404
    settings.SECRET_KEY = "another"
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nonsense"},
        {"email": ""},
        {"email": "ALICE@example.org"},
        {"username": "Alice"},
        {"username": "x"},
        {"password1": "short", "password2": "short"},
    ],
)
def test_what_is_wrong_is_told_and_the_link_still_works(wrong: dict[str, str]) -> None:
    make_user("alice")
    path = path_of(setup_link())
    answer = set_up(path, **{"username": "root", **wrong})
    assert answer.status_code == 422
    assert not User.objects.filter(role=Role.ADMIN).exists()
    assert set_up(path).status_code == 302


def test_the_page_sends_no_path_as_referrer_and_is_kept_by_nobody() -> None:
    path = path_of(setup_link())
    for answer in (Client().get(path), set_up(path, "x"), set_up(path)):
        assert answer["Referrer-Policy"] == "strict-origin"
        assert "no-store" in answer["Cache-Control"]


def test_of_two_at_once_one_becomes_the_admin(transactional_db: None) -> None:
    path = path_of(setup_link())
    answers = together([partial(set_up, path, f"root{n}") for n in range(4)])
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 302
    assert set(codes[1:]) <= {404, 422}
    assert User.objects.count() == 1


def test_the_service_refuses_a_second_admin_and_leaves_nothing() -> None:
    make_admin("root")
    with pytest.raises(ValidationError, match="already has an admin"):
        create_first_admin(username="eve", email="eve@example.org", password=PASSWORD)
    assert User.objects.count() == 1


def test_the_command_prints_the_link(settings: Settings) -> None:
    settings.SITE_URL = "https://clips.example.org"
    out = StringIO()
    call_command("setup_link", stdout=out)
    link = out.getvalue().strip()
    assert link.startswith("https://clips.example.org/register/")
    assert set_up(path_of(link)).status_code == 302


def test_the_command_prints_nothing_where_there_is_an_admin() -> None:
    make_admin("root")
    out, err = StringIO(), StringIO()
    call_command("setup_link", stdout=out, stderr=err)
    assert out.getvalue() == err.getvalue() == ""
