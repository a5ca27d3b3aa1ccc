"""The member's list of devices: from where each was used, and none that has ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from accounts.models import Session
from accounts.selectors import session_rows
from tests.accounts.test_sessions import (
    IPHONE,
    NEW,
    SETTINGS,
    device,
    is_in,
    stored_key_of,
    was_seen,
)
from tests.builders import PASSWORD, make_admin, make_user

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice", password=PASSWORD)


def test_the_list_says_from_where_a_session_was_last_used(alice: User) -> None:
    here, there = device(alice), device(alice, IPHONE)
    assert there.get(SETTINGS, REMOTE_ADDR="192.0.2.7").status_code == 200
    assert "192.0.2.7" not in here.get(SETTINGS).content.decode(), "within a minute"
    was_seen(there, timezone.now() - timedelta(minutes=2))
    there.get(SETTINGS, REMOTE_ADDR="2001:db8:1:2:3::4")
    page = here.get(SETTINGS).content.decode()
    assert "From 2001:db8:1:2::" in page
    assert "From 127.0.0.1" in page
    there.post("/logout/")
    assert not Session.objects.filter(address="2001:db8:1:2::").exists()


def test_a_password_change_in_the_admin_takes_the_other_sessions_off_the_list() -> None:
    root = make_admin("root", password=PASSWORD)
    here, there = device(root), device(root)
    data = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/admin/password_change/", data | {"old_password": "no"}).status_code == 200
    assert Session.objects.count() == 2
    assert here.post("/admin/password_change/", data).status_code == 302
    assert [one.session_key for one in Session.objects.all()] == [stored_key_of(here)]
    assert is_in(here)
    assert not is_in(there)


@pytest.mark.parametrize("way", ["set_password", "new hash of the same password"])
def test_sessions_that_a_password_ended_are_on_no_list_whoever_set_it(
    alice: User, way: str
) -> None:
    device(alice)
    alice.set_password(NEW if way == "set_password" else PASSWORD)
    alice.save()
    assert Session.objects.count() == 1
    assert session_rows(alice, current=None) == []
    if way != "set_password":
        here = device(alice)
        assert here.get(SETTINGS).content.decode().count('class="device"') == 1
