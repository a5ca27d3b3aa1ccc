"""Sample members have public passwords, so they can log in only on a site nobody else reaches."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from accounts.models import Role, Session, User
from accounts.services.invitations import (
    issue_invitation,
    may_be_redeemed,
    redeem_invitation,
    setup_link,
)
from accounts.services.members import delete_members, is_last_admin
from accounts.services.passwords import send_reset
from tests.builders import make_admin, make_user, make_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

KNOWN = "admin123"
SITE_URL = "https://clips.example.org"


@pytest.fixture
def sample_admin() -> User:
    return make_admin("admin", password=KNOWN, is_sample=True, email="admin@example.com")


@pytest.fixture
def expose(settings: Settings) -> Callable[[], None]:
    """Changes the settings like another SITE_URL does, except for the redirect to HTTPS."""

    def change() -> None:
        settings.EXPOSED_BY = ["SITE_URL", "ALLOWED_HOSTS"]

    return change


def log_in(username: str = "admin", password: str = KNOWN, **headers: str) -> tuple[Client, Any]:
    client = Client(headers=headers)
    return client, client.post("/login/", {"username": username, "password": password})


def test_on_a_site_of_this_machine_alone_they_log_in(sample_admin: User) -> None:
    client, answer = log_in()
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200


def test_where_others_can_reach_the_site_their_log_in_is_as_wrong_as_any(
    sample_admin: User, expose: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    make_user("bob", password="something else")
    expose()
    client, answer = log_in()
    _, wrong = log_in("bob", "a wrong one")
    assert answer.status_code == wrong.status_code == 422
    text = answer.content.decode()
    assert "sample" not in text
    assert "Log-in of the sample member admin refused" in caplog.text
    assert "SITE_URL" in caplog.text
    assert client.get("/admin/").status_code == 302
    assert not Session.objects.filter(user=sample_admin).exists()


def test_their_sessions_end_there(sample_admin: User, expose: Callable[[], None]) -> None:
    client, _ = log_in()
    expose()
    assert client.get("/settings/")["Location"] == "/login/?next=/settings/"
    assert client.get("/admin/").status_code == 302
    assert client.get("/uploads/", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "CF-Connecting-IP"]
)
def test_a_tunnel_that_no_setting_tells_of_is_noticed(
    sample_admin: User, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, answer = log_in(**{header: "203.0.113.7"})
    assert answer.status_code == 422
    assert "the request came through a proxy" in caplog.text
    make_user("bob", password=KNOWN)
    assert log_in("bob", **{header: "203.0.113.7"})[1].status_code == 302


def test_a_new_password_does_not_make_one_a_member(
    sample_admin: User, expose: Callable[[], None]
) -> None:
    """Anybody who knew the public password could have set the new one."""
    sample_admin.set_password("changed by somebody")
    sample_admin.save()
    expose()
    assert log_in(password="changed by somebody")[1].status_code == 422


def test_no_link_for_a_new_password_is_mailed_to_them(
    sample_admin: User, expose: Callable[[], None], settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_reset(sample_admin.email, asked_at=timezone.now())
    expose()
    assert not send_reset(sample_admin.email, asked_at=timezone.now())


def test_an_admin_makes_none_either(sample_admin: User, expose: Callable[[], None]) -> None:
    make_admin("root", password="a real one")
    expose()
    client, _ = log_in("root", "a real one")
    address = f"/admin/accounts/user/{sample_admin.pk}/"
    assert "reset-link" not in client.get(f"{address}change/").content.decode()
    answer = client.post(f"{address}reset-link/", follow=True)
    assert "is a sample member" in answer.content.decode()


def test_their_invitations_let_nobody_in(sample_admin: User, expose: Callable[[], None]) -> None:
    issued = issue_invitation(
        email="eve@example.org", role=Role.ADMIN, created_by=sample_admin
    ).invitation
    assert may_be_redeemed(issued)
    expose()
    assert not may_be_redeemed(issued)
    with pytest.raises(Exception, match="has been used or has expired"):
        redeem_invitation(invitation=issued, username="eve", password="a b c d e f")


def test_a_sample_admin_counts_as_none(sample_admin: User, expose: Callable[[], None]) -> None:
    path = "/" + setup_link().split("/", 3)[3]
    assert Client().get(path).status_code == 404
    assert output_of("setup_link") == ""
    expose()
    assert "/register/" in output_of("setup_link")
    assert Client().get(path).status_code == 200
    root = make_admin("root")
    assert Client().get(path).status_code == 404
    assert is_last_admin(root)
    assert not is_last_admin(sample_admin)
    assert delete_members(users=[sample_admin], heir=root) == 1


# -- the check, and what mends it -----------------------------------------------------------------


def output_of(command: str, *arguments: str) -> str:
    """Runs a command with its system checks, like in a shell, and returns its output."""
    out = io.StringIO()
    checks = {} if command == "check" else {"skip_checks": False}
    call_command(command, *arguments, stdout=out, **checks)
    return out.getvalue()


def test_the_check_fails_until_the_samples_are_removed(
    sample_admin: User, expose: Callable[[], None]
) -> None:
    output_of("check")
    expose()
    with pytest.raises(SystemCheckError, match=r"clipset\.E030") as error:
        output_of("check")
    assert "SITE_URL, ALLOWED_HOSTS" in str(error.value)
    assert "manage.py remove_samples --all" in str(error.value)
    assert "1 member" in output_of("remove_samples")
    output_of("check")
    assert not User.objects.exists()
    assert "/register/" in output_of("setup_link")


def test_one_with_own_videos_becomes_an_ordinary_member_without_a_password(
    sample_admin: User, expose: Callable[[], None]
) -> None:
    video = make_video("Real", uploader=sample_admin)
    client, _ = log_in()
    soon = timezone.now() + timedelta(days=7)
    invitation = issue_invitation(
        email="eve@example.org", role=Role.USER, created_by=sample_admin
    ).invitation
    assert invitation.expires_at > soon - timedelta(minutes=1)
    expose()
    output = output_of("remove_samples")
    assert "admin stays: this member has videos that are not sample data" in output
    assert "There is no admin now" in output
    output_of("check")
    sample_admin.refresh_from_db()
    video.refresh_from_db()
    assert video.uploaded_by == sample_admin
    assert (sample_admin.role, sample_admin.is_sample) == (Role.USER, False)
    assert not check_password(KNOWN, sample_admin.password)
    assert client.get("/settings/").status_code == 302
    invitation.refresh_from_db()
    assert not may_be_redeemed(invitation)


def test_all_leaves_none_also_where_the_settings_of_the_shell_tell_of_nobody(
    sample_admin: User,
) -> None:
    """`HOST=0.0.0.0 scripts/run` sets HOST for that start only."""
    assert "admin stays: this member is the only admin" in output_of("remove_samples")
    assert "1 member" in output_of("remove_samples", "--all")
    assert not User.objects.exists()


def test_a_database_of_an_earlier_version_is_brought_up_to_date_first(sample_admin: User) -> None:
    [(app, newest)] = MigrationLoader(connection).graph.leaf_nodes("videos")
    MigrationRecorder(connection).record_unapplied(app, newest)
    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        output_of("remove_samples", "--all")
    assert User.objects.exists()
