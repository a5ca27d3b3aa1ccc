"""Which rights of running transfers are lost, and by what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils import timezone

from accounts.models import Role, Session, User, stored_key
from accounts.services.members import (
    activate_member,
    deactivate_member,
    end_other_sessions,
    set_role,
)
from accounts.services.trash import trash_members
from accounts.sessions import SessionStore
from clipset.lib.ids import hash_token
from tests.builders import PASSWORD, make_admin, make_user, make_video
from videos.models import GuestLink
from videos.selectors.transfers import GuestRight, MemberRight, find_lost, right_of
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice", password=PASSWORD)


def logged_in(user: User) -> tuple[MemberRight, SessionStore]:
    """The right of a request of a session, and the session."""
    client = Client()
    client.force_login(user)
    client.get("/settings/")  # notes the use, as any first page
    store = SessionStore(client.cookies["sessionid"].value)
    request = RequestFactory().get("/")
    request.user, request.session = user, store
    right = right_of(request)
    assert isinstance(right, MemberRight)
    assert right.started_at is not None
    return right, store


def test_a_right_lasts_as_long_as_its_session(alice: User) -> None:
    (one, store), (other, _), (bobs, _) = (*map(logged_in, [alice, alice]), logged_in(make_user()))
    assert find_lost({one, other, bobs}) == set()
    store.flush()
    assert find_lost({one, other, bobs}) == {one}
    end_other_sessions(user=alice, keep=None)
    assert find_lost({one, other, bobs}) == {one, other}


def test_a_new_key_of_the_same_session_ends_nothing(alice: User) -> None:
    right, store = logged_in(alice)
    store.cycle_key()
    store.save()
    assert stored_key(str(store.session_key)) != right.key
    assert find_lost({right}) == set()
    end_other_sessions(user=alice, keep=store.session_key)
    assert find_lost({right}) == set()


def demote(user: User) -> None:
    set_role(user=user, role=Role.MODERATOR, granted_by=make_admin())


def deactivate_and_activate(user: User) -> None:
    deactivate_member(user=user)
    activate_member(user=user)


def trash(user: User) -> None:
    trash_members(users=[user], by=make_admin())


def delete(user: User) -> None:
    user.delete()


def mark_inactive(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize(
    "act", [demote, deactivate_and_activate, deactivate_member, trash, delete, mark_inactive]
)
def test_a_right_is_lost_by_what_is_done_to_its_member(
    alice: User, act: Callable[..., object]
) -> None:
    (right, _), (bobs, _) = logged_in(alice), logged_in(make_user("bob"))
    act(user=alice) if act is deactivate_member else act(alice)
    assert find_lost({right, bobs}) == {right}


def test_a_session_of_another_member_gives_no_right(alice: User) -> None:
    right, _ = logged_in(alice)
    Session.objects.update(user=make_user("bob"))
    assert find_lost({right}) == {right}


def guest(user: User) -> tuple[GuestLink, GuestRight]:
    video = make_video(uploader=user)
    issued = create_guest_link(video=video, created_by=user, lifetime=timedelta(days=1))
    return issued.link, GuestRight(hash_token(issued.token))


def test_the_right_of_a_guest_lasts_as_long_as_the_link_opens_its_video(alice: User) -> None:
    (link, one), (_, other) = guest(alice), guest(make_user("bob"))
    assert find_lost({one, other}) == set()
    GuestLink.objects.filter(pk=link.pk).update(revoked_at=timezone.now())
    assert find_lost({one, other}) == {one}
    later = timezone.now() - timedelta(days=2)
    GuestLink.objects.filter(pk=link.pk).update(
        revoked_at=None, created_at=later, expires_at=later + timedelta(days=1)
    )
    assert find_lost({one, other}) == {one}
    User.objects.filter(username="bob").update(is_active=False)
    assert find_lost({one, other}) == {one, other}


def test_at_the_address_of_a_guest_a_member_has_no_other_right_than_the_guest(alice: User) -> None:
    request = RequestFactory().get("/")
    request.user, request.session = alice, SessionStore()
    request.resolver_match = resolve(f"/s/{'t' * 43}/")
    assert right_of(request) == GuestRight(hash_token("t" * 43))


def test_all_rights_of_a_process_take_two_queries(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    members = {logged_in(user)[0] for user in (alice, make_user(), make_user())}
    guests = {guest(alice)[1], guest(alice)[1]}
    with django_assert_num_queries(2):
        assert find_lost({*members, *guests}) == set()
