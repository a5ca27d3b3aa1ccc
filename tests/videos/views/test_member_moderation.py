"""What staff do with a member on the profile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session, User
from siteconfig.models import AuditEntry
from tests.builders import count_queries, make_admin, make_moderator, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

GB = 1024**3
ACTS = ("deactivate", "activate", "limit", "reset")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mona() -> User:
    return make_moderator("mona")


@pytest.fixture
def client(mona: User) -> Client:
    return client_of(mona)


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def post(client: Client, act: str, member: User, **data: str) -> Any:
    address = reverse(f"moderate_{act}", args=[member.username])
    return client.post(address, data, follow=True)


def undo(client: Client, page: str) -> Any:
    """Presses the button of the toast on a page."""
    address = reverse("admin:siteconfig_auditentry_undo")
    toast = page[page.index(f'action="{address}"') :]
    (request,), (after,) = (
        re.findall(rf'name="{name}" value="([^"]*)"', toast)[:1] for name in ("request", "next")
    )
    return client.post(address, {"request": request, "next": after}, follow=True)


def stored(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_a_member_is_deactivated_and_the_message_undoes_it(client: Client, bob: User) -> None:
    client_of(bob)
    page = post(client, "deactivate", bob)
    assert page.redirect_chain == [("/profile/bob/", 302)]
    assert "bob deactivated" in page.text
    assert not stored(bob).is_active
    assert not Session.objects.filter(user=bob).exists()
    assert "Activate</button>" in page.text
    assert undo(client, page.text).redirect_chain == [("/profile/bob/", 302)]
    assert stored(bob).is_active


def test_a_member_is_activated_and_the_message_undoes_it(client: Client) -> None:
    gone = make_user("gone", is_active=False)
    page = post(client, "activate", gone)
    assert "gone activated" in page.text
    assert stored(gone).is_active
    undo(client, page.text)
    assert not stored(gone).is_active


def test_what_is_so_already_offers_nothing_to_undo(client: Client, bob: User) -> None:
    address = reverse("admin:siteconfig_auditentry_undo")
    for page in (post(client, "activate", bob), post(client, "limit", bob, limit="")):
        assert f'action="{address}"' not in page.text
    assert not AuditEntry.objects.exists()


def test_the_limit_is_set_with_a_unit_and_the_message_undoes_it(client: Client, bob: User) -> None:
    page = post(client, "limit", bob, limit="10 GB")
    assert "bob has a limit of 10 GB a week now" in page.text
    assert stored(bob).weekly_upload_limit_bytes == 10 * GB
    assert 'value="10 GB"' in page.text, "the form shows what is set"
    assert "the site&#x27;s limit now" in post(client, "limit", bob).text
    undo(client, page.text)
    page = post(client, "limit", bob, limit="0")
    assert stored(bob).weekly_upload_limit_bytes == 0
    undo(client, page.text)
    assert stored(bob).weekly_upload_limit_bytes is None


@pytest.mark.parametrize("typed", ["much", "-1", "9999999 TB", "1" * 40, "\x00"])
def test_a_limit_that_is_no_size_is_refused(client: Client, bob: User, typed: str) -> None:
    answer = post(client, "limit", bob, limit=typed)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert stored(bob).weekly_upload_limit_bytes is None


def test_the_week_is_reset(client: Client) -> None:
    bob = make_user("bob", weekly_upload_bytes=3 * GB)
    page = post(client, "reset", bob)
    assert "Weekly quota of bob reset" in page.text
    assert stored(bob).weekly_upload_bytes == 0


def out_of_reach(mona: User) -> Iterator[User]:
    yield mona
    yield make_moderator("other")
    yield make_admin("root")
    yield make_user("away", is_active=False, trashed_at=timezone.now())


def test_moderators_reach_ordinary_members_only(client: Client, mona: User) -> None:
    for member in out_of_reach(mona):
        for act in ACTS:
            assert post(client, act, member).status_code == 404
        page = client.get(member.get_absolute_url())
        assert "Set quota" not in page.text
        assert "Deactivate<" not in page.text
    assert not AuditEntry.objects.exists()


def test_admins_reach_all_but_themselves(mona: User) -> None:
    root, other = make_admin("root"), make_admin("other")
    client = client_of(root)
    assert post(client, "deactivate", root).status_code == 404
    assert "Deactivate</button>" not in client.get(root.get_absolute_url()).text
    page = client.get(other.get_absolute_url()).text
    assert "Deactivate</button>" in page
    assert "Set quota" not in page, "admins have no limit"
    assert "Set quota" in client.get(mona.get_absolute_url()).text
    for member in (other, mona):
        post(client, "deactivate", member)
        assert not stored(member).is_active


def test_members_find_nothing_there(bob: User) -> None:
    for member in (bob, make_user("carol")):
        for act in ACTS:
            assert post(client_of(member), act, bob).status_code == 404


def test_a_member_who_is_being_deleted_is_not_activated(client: Client) -> None:
    gone = make_user("gone", is_active=False, deleting_since=timezone.now())
    assert "Activate</button>" not in client.get(gone.get_absolute_url()).text
    assert "gone activated" not in post(client, "activate", gone).text
    assert not stored(gone).is_active


def test_the_acts_cost_no_query(client: Client, bob: User) -> None:
    other = make_moderator("other")
    few = count_queries(client, other.get_absolute_url())
    # Log-ins are shown of members below.
    assert count_queries(client, bob.get_absolute_url()) == few + 1
