from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import Role, Session, User
from accounts.services.avatars import avatar_path
from accounts.services.members import (
    activate_member,
    deactivate_member,
    delete_members,
    is_last_admin,
    set_role,
)
from categories.models import Category
from clipset.lib.pictures import write_whole
from tests.accounts.together import together
from tests.builders import make_admin, make_category, make_moderator, make_user, make_video
from videos.models import Video
from videos.services.removing import work_off_removals

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def flags(user: User) -> tuple[str, bool, bool, bool]:
    """Returns role, is_staff, is_superuser, and whether the member is in the group Moderators."""
    user = User.objects.get(pk=user.pk)
    in_group = user.groups.filter(name=User.MODERATORS_GROUP).exists()
    return user.role, user.is_staff, user.is_superuser, in_group


# -- Roles --------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", Role)
@pytest.mark.parametrize("after", Role)
def test_flags_and_group_follow_from_the_role(before: Role, after: Role) -> None:
    root, user = make_admin("root"), make_user("alice", role=before)
    expected = {
        Role.USER: ("USER", False, False, False),
        Role.MODERATOR: ("MODERATOR", True, False, True),
        Role.ADMIN: ("ADMIN", True, True, False),
    }
    assert flags(user) == expected[before]
    set_role(user=user, role=after, granted_by=root)
    assert flags(user) == expected[after]


def test_moderators_get_the_permissions_of_their_group() -> None:
    bob = make_moderator("bob")
    assert bob.has_perms(["videos.change_video", "videos.delete_video", "categories.add_category"])
    assert bob.has_perms(["accounts.add_invitation", "accounts.change_user", "videos.view_job"])
    for refused in ("accounts.add_user", "accounts.delete_user", "siteconfig.change_config"):
        assert not bob.has_perm(refused)


@pytest.mark.parametrize(
    ("granter", "before", "after"),
    [
        (Role.MODERATOR, Role.USER, Role.MODERATOR),
        (Role.MODERATOR, Role.MODERATOR, Role.USER),
        (Role.MODERATOR, Role.USER, Role.ADMIN),
        (Role.MODERATOR, Role.ADMIN, Role.USER),
        (Role.MODERATOR, Role.ADMIN, Role.MODERATOR),
        (Role.USER, Role.USER, Role.MODERATOR),
        (Role.USER, Role.MODERATOR, Role.USER),
    ],
)
def test_only_admins_make_moderators_and_admins(granter: Role, before: Role, after: Role) -> None:
    make_admin("root")
    bob, alice = make_user("bob", role=granter), make_user("alice", role=before)
    with pytest.raises(ValidationError, match="Only admins"):
        set_role(user=alice, role=after, granted_by=bob)
    assert User.objects.get(pk=alice.pk).role == before


# -- The last admin -----------------------------------------------------------------------------
def test_the_last_active_admin_keeps_role_and_account() -> None:
    root = make_admin("root")
    make_admin("asleep", is_active=False)
    assert is_last_admin(root)
    for change in (
        partial(set_role, user=root, role=Role.USER, granted_by=root),
        partial(set_role, user=root, role=Role.MODERATOR, granted_by=root),
        partial(deactivate_member, user=root),
        partial(delete_members, users=[root], heir=make_moderator()),
    ):
        with pytest.raises(ValidationError):
            change()
    assert flags(root) == ("ADMIN", True, True, False)
    assert User.objects.get(pk=root.pk).is_active


def test_with_a_second_admin_the_first_may_go() -> None:
    root, other = make_admin("root"), make_admin("other")
    set_role(user=root, role=Role.USER, granted_by=other)
    assert not is_last_admin(root)
    assert is_last_admin(other)


@pytest.mark.parametrize("what", ["demote", "deactivate"])
def test_two_admins_who_go_at_once_do_not_leave_the_site_without_one(
    transactional_db: None, what: str
) -> None:
    admins = [make_admin(name) for name in ("root", "other")]

    def go(user: User, other: User) -> bool:
        try:
            if what == "demote":
                set_role(user=user, role=Role.USER, granted_by=other)
            else:
                deactivate_member(user=user)
        except ValidationError:
            return False
        return True

    gone: list[Callable[[], bool]] = [partial(go, *admins), partial(go, *reversed(admins))]
    assert sorted(together(gone)) == [False, True]
    assert User.objects.filter(role=Role.ADMIN, is_active=True).count() == 1


# -- Activity, deletion -------------------------------------------------------------------------
def test_a_deactivated_member_can_come_back() -> None:
    alice = make_user("alice")
    assert not deactivate_member(user=alice).is_active
    assert not User.objects.get(pk=alice.pk).is_active
    assert activate_member(user=alice).is_active
    assert User.objects.get(pk=alice.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_deleting_members_hands_their_categories_on_and_takes_the_rest() -> None:
    root, bob, charlie = make_admin("root"), make_moderator("bob"), make_user("charlie")
    shelf = make_category("Music", created_by=bob)
    theirs = make_video(uploader=bob)
    kept = make_video(uploader=charlie, category=shelf)
    Client().force_login(bob)
    bob.avatar = "bob.webp"
    bob.save()
    picture = avatar_path(bob)
    assert picture is not None
    write_whole(picture, b"RIFF")
    assert delete_members(users=[bob], heir=root) == 1
    shelf.refresh_from_db()
    assert shelf.created_by == root
    assert list(Video.objects.all()) == [kept]
    assert not Video.objects.filter(pk=theirs.pk).exists()
    assert not Session.objects.exists()
    work_off_removals()
    assert not picture.exists()


def test_nobody_deletes_themselves() -> None:
    root, other = make_admin("root"), make_admin("other")
    with pytest.raises(ValidationError, match="delete yourself"):
        delete_members(users=[root, other], heir=root)
    assert User.objects.count() == 2


def test_deleting_several_at_once_is_all_or_nothing() -> None:
    root, alice = make_admin("root"), make_user("alice")
    category = make_category("Music", created_by=root)
    with pytest.raises(ValidationError, match="at least one active admin"):
        delete_members(users=[alice, root], heir=make_moderator())
    assert User.objects.filter(pk__in=[root.pk, alice.pk]).count() == 2
    assert Category.objects.get().created_by_id == category.created_by_id


# -- One's own settings -------------------------------------------------------------------------
def save_profile(user: User, username: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post("/settings/", {"username": username, "email": "other@example.org"})


def test_a_member_changes_their_name_there_and_not_the_address() -> None:
    """The address has a page of its own, which asks for the password."""
    alice = make_user("alice")
    answer = save_profile(alice, "Alice_2")
    assert (answer.status_code, answer["Location"]) == (302, "/settings/")
    alice.refresh_from_db()
    assert (alice.username, alice.email) == ("Alice_2", "alice@example.org")


def test_a_member_may_change_only_the_case_of_their_name() -> None:
    alice = make_user("alice")
    assert save_profile(alice, "ALICE").status_code == 302
    alice.refresh_from_db()
    assert alice.username == "ALICE"


@pytest.mark.parametrize(
    ("username", "sentence"),
    [
        ("BOB", "That username is taken."),
        ("al", "3 to 50"),
        ("al ice", "3 to 50"),
        ("a" * 51, "50"),
        ("", "required"),
        ("ali\x00ce", "Null"),
    ],
)
def test_what_cannot_be_saved_is_told_and_changes_nothing(username: str, sentence: str) -> None:
    alice = make_user("alice")
    make_user("bob")
    answer = save_profile(alice, username)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    alice.refresh_from_db()
    assert (alice.username, alice.email) == ("alice", "alice@example.org")


def test_a_refused_name_does_not_stand_in_the_rest_of_the_page() -> None:
    alice = make_user("alice")
    make_user("bob")
    page = save_profile(alice, "BOB").content.decode()
    assert 'value="BOB"' in page
    assert "/profile/BOB/" not in page
    assert "/profile/alice/" in page


def test_nobody_promotes_themselves_in_their_settings() -> None:
    alice = make_user("alice")
    client = Client()
    client.force_login(alice)
    more = {"role": "ADMIN", "is_superuser": "1", "weekly_upload_limit_bytes": "9", "is_staff": "1"}
    client.post("/settings/", {"username": "alice", "email": "alice@example.org", **more})
    assert flags(alice) == ("USER", False, False, False)
    assert User.objects.get().weekly_upload_limit_bytes is None


def test_two_members_who_take_one_name_at_once_get_a_sentence(transactional_db: None) -> None:
    members = [make_user(f"member_{n}") for n in range(4)]
    answers = together([partial(save_profile, each, "Dora") for each in members])
    assert sorted(answer.status_code for answer in answers) == [302, 422, 422, 422]
    refused = [answer for answer in answers if answer.status_code == 422]
    assert all("That username is taken." in answer.content.decode() for answer in refused)
