"""`manage.py changepassword`, as somebody with a shell types it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from accounts.password_strength import GUESSABLE
from videos.models import Notification

if TYPE_CHECKING:
    from pathlib import Path

    from tests.projects import Databases, Project

ENTRIES = "SELECT actor_name, source, action, object_name, before, after, reason FROM audit_entries"
PASSWORD = "SELECT password FROM users"
MAKE = """
from django.utils import timezone
from accounts.models import Session, User
bob = User.objects.create_user("bob", email="bob@example.org", password="old one for bob")
Session.objects.create(session_key="s", session_data="", expire_date=timezone.now(), user=bob)
"""
SESSIONS = "SELECT session_key FROM sessions"
TOLD = f"SELECT kind, text FROM {Notification._meta.db_table}"  # noqa: S608 no input
NEW = "correct horse battery staple"


@pytest.fixture
def site(sqlite_databases: Databases, tmp_path: Path) -> Project:
    made = sqlite_databases.project(tmp_path / "site")
    made.shell(MAKE)
    return made


def typed(site: Project, *lines: str) -> subprocess.CompletedProcess[str]:
    """Runs the command without a terminal, so that it reads the passwords from its input."""
    command = site.command("changepassword", "bob")
    del command["stdin"]
    return subprocess.run(
        **command,
        input="".join(f"{line}\n" for line in lines),
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_password_is_recorded_and_one_that_was_mistyped_is_not(site: Project) -> None:
    refused = typed(site, *[NEW, "another"] * 3)
    assert refused.returncode == 1, refused.stdout
    assert site.rows(ENTRIES) == []
    assert len(site.rows(SESSIONS)) == 1
    before = site.rows(PASSWORD)
    done = typed(site, "letmein!!", "letmein!!", NEW, NEW)
    assert done.returncode == 0, done.stderr
    assert GUESSABLE in done.stderr
    assert site.rows(ENTRIES) == [
        ("manage.py changepassword", "command", "member.password", "bob", "{}", "{}", "")
    ]
    assert site.rows(PASSWORD) != before
    assert site.rows(SESSIONS) == [], "they ended with the old password"
    assert site.rows(TOLD) == [("ACCOUNT", "The password of your account was changed.")]
