"""Members and invitations in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.models import Invitation, Role, User
from accounts.services.invitations import find_invitation, issue_invitation, redeem_invitation
from accounts.services.quota import quota_state
from accounts.services.trash import trash_members
from clipset.lib.ids import hash_token
from siteconfig.forms import GB, MB
from siteconfig.models import AuditEntry, Config
from tests.audit_log import recorded
from tests.builders import (
    PASSWORD,
    count_queries,
    make_admin,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from videos.models import Video
from videos.services.stored_total import add_stored

if TYPE_CHECKING:
    from pytest_django import Settings

USERS = "/admin/accounts/user/"
INVITATIONS = "/admin/accounts/invitation/"
INVITE = "/admin/accounts/invitation/add/"

pytestmark = pytest.mark.django_db


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def user_page(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def typed(user: User, **changes: str) -> dict[str, str]:
    """Returns what the form of a member sends if nothing but the given fields is changed.

    An empty text unticks a box or empties a field.
    """
    form_data = {
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "weekly_upload_limit_bytes": str(user.weekly_upload_limit_bytes or ""),
        "stored_limit_bytes": str(user.stored_limit_bytes or ""),
        "is_active": "on" if user.is_active else "",
        **changes,
    }
    return {name: text for name, text in form_data.items() if text or name != "is_active"}


def act(client: Client, action: str, *rows: object, address: str = USERS, **more: str) -> Any:
    form_data = {"action": action, "index": "0", "_selected_action": [str(row) for row in rows]}
    return client.post(address, {**form_data, **more}, follow=True)


def ids(*users: User) -> list[object]:
    return [user.pk for user in users]


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def links_in(response: Any) -> list[str]:
    return re.findall(r'value="(http[^"]+)"', response.text)


# -- The list of members ------------------------------------------------------------------------
def test_the_list_tells_role_state_and_quota_in_words() -> None:
    make_user("bob", weekly_upload_bytes=GB)
    make_user("carol", weekly_upload_bytes=GB // 2, weekly_upload_limit_bytes=10 * GB)
    make_user("dora", weekly_upload_bytes=GB, last_upload_reset=timezone.now() - timedelta(days=8))
    make_user("erik", is_active=False)
    text = logged_in(make_admin("alice")).get(USERS).text
    for words in (
        "1 GB of 4 GB",
        "512 MB of 10 GB",
        "0 bytes of 4 GB",
        "0 bytes, no limit",
        '<span class="state state-inactive state--danger">Deactivated</span>',
        "Never",
    ):
        assert words in text or words in strip_tags(text)


def test_the_list_makes_as_many_queries_for_thirty_as_for_one() -> None:
    client = logged_in(make_moderator())
    for_one = count_queries(client, USERS)
    for _ in range(29):
        make_user()
    assert client.get(USERS).text.count('class="field-quota') == 30
    assert count_queries(client, USERS) == for_one


def test_nobody_adds_a_member_but_the_way_to_invite_one_is_shown() -> None:
    client = logged_in(make_admin())
    assert client.get(f"{USERS}add/").status_code == 403
    assert client.post(f"{USERS}add/", {"username": "eve"}).status_code == 403
    assert INVITE in client.get(USERS).text


def test_a_member_gets_no_further_than_the_log_in() -> None:
    bob = make_user("bob")
    client = logged_in(bob)
    for address in (USERS, user_page(bob), INVITATIONS, INVITE):
        assert client.get(address).status_code == 302
    client.post(user_page(bob), typed(bob, role=Role.ADMIN))
    bob.refresh_from_db()
    assert bob.role == Role.USER


# -- One member ---------------------------------------------------------------------------------
def test_no_password_or_hash_is_shown() -> None:
    bob = make_user("bob", password=PASSWORD)
    text = logged_in(make_admin()).get(user_page(bob)).text
    assert bob.password not in text
    assert 'name="password"' not in text
    assert "/password/" not in text.replace("/admin/password_change/", "")


def test_an_admin_changes_a_member() -> None:
    alice, bob = make_admin("alice"), make_user("bob")
    form_data = typed(
        bob, username="bobby", email="Bobby@Example.ORG", weekly_upload_limit_bytes="10 GB"
    )
    assert logged_in(alice).post(user_page(bob), form_data).status_code == 302
    bob.refresh_from_db()
    assert (bob.username, bob.email) == ("bobby", "bobby@example.org")
    assert bob.weekly_upload_limit_bytes == 10 * GB
    assert recorded() == [
        ("alice", "bob", "member.rename"),
        ("alice", "bobby", "member.email"),
        ("alice", "bobby", "member.quota"),
    ]


def test_an_empty_limit_means_the_sites() -> None:
    bob = make_user("bob", weekly_upload_limit_bytes=GB)
    logged_in(make_moderator()).post(user_page(bob), typed(bob, weekly_upload_limit_bytes=""))
    bob.refresh_from_db()
    assert bob.weekly_upload_limit_bytes is None


@pytest.mark.parametrize(
    ("field", "text", "where"),
    [
        ("username", "a b", "username"),
        ("username", "ab", "username"),
        ("username", "ALICE", "username"),
        ("username", "alice", "username"),
        ("email", "ALICE@example.org", "email"),
        ("email", "nonsense", "email"),
        ("weekly_upload_limit_bytes", "plenty", "weekly_upload_limit_bytes"),
        ("weekly_upload_limit_bytes", "-5", "weekly_upload_limit_bytes"),
        ("role", "EMPEROR", "role"),
    ],
)
def test_what_does_not_fit_is_refused_in_place(field: str, text: str, where: str) -> None:
    alice, bob = make_admin("alice"), make_user("bob")
    response = logged_in(alice).post(user_page(bob), typed(bob, **{field: text}))
    assert list(errors(response)) == [where]  # and in no other place
    assert User.objects.get(pk=bob.pk).username == "bob"


def test_beside_a_refused_form_the_page_shows_what_is_stored() -> None:
    """No address of a picture can be made of such a name, so it would have no answer at all."""
    bob = make_user("bob", avatar="bob.webp")
    client = logged_in(make_admin())
    answer = client.post(user_page(bob), typed(bob, username="not a name"))
    assert list(errors(answer)) == ["username"]
    assert f'src="{bob.avatar_url}"' in answer.text
    assert 'value="not a name"' in answer.text


def test_saving_a_member_leaves_the_upload_counter_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload may be counted after the row was read and before it is saved."""
    bob = make_user("bob")
    full_clean = User.full_clean

    def count_an_upload(user: User, *args: Any, **kwargs: Any) -> None:
        User.objects.filter(pk=bob.pk).update(weekly_upload_bytes=GB)
        full_clean(user, *args, **kwargs)

    monkeypatch.setattr(User, "full_clean", count_an_upload)
    logged_in(make_admin()).post(user_page(bob), typed(bob, username="bobby"))
    bob.refresh_from_db()
    assert (bob.username, bob.weekly_upload_bytes) == ("bobby", GB)


@pytest.mark.parametrize("forged", ["is_superuser", "is_staff", "groups", "password", "avatar"])
def test_fields_that_the_form_does_not_show_cannot_be_forged(forged: str) -> None:
    bob = make_user("bob", password=PASSWORD)
    before = User.objects.values().get(pk=bob.pk)
    logged_in(make_admin()).post(user_page(bob), typed(bob, **{forged: "1"}))
    assert User.objects.values().get(pk=bob.pk) == before
    assert not bob.groups.exists()


# -- Roles --------------------------------------------------------------------------------------
def test_an_admin_grants_a_role_with_all_that_follows() -> None:
    alice, bob = make_admin("alice"), make_user("bob")
    client = logged_in(alice)
    client.post(user_page(bob), typed(bob, role=Role.MODERATOR))
    bob.refresh_from_db()
    assert (bob.role, bob.is_staff, bob.is_superuser) == (Role.MODERATOR, True, False)
    assert bob.has_perm("videos.change_video")
    client.post(user_page(bob), typed(bob, role=Role.USER))
    bob = User.objects.get(pk=bob.pk)
    assert (bob.role, bob.is_staff) == (Role.USER, False)
    assert not bob.groups.exists()
    assert recorded() == [("alice", "bob", "member.role")] * 2


def test_a_demoted_moderator_is_out_of_the_admin_at_once() -> None:
    bob = make_moderator("bob")
    session = logged_in(bob)
    assert session.get(USERS).status_code == 200
    logged_in(make_admin()).post(user_page(bob), typed(bob, role=Role.USER))
    assert session.get(USERS).status_code == 302


def test_a_moderator_grants_no_role_whatever_is_sent() -> None:
    mod, bob = make_moderator("mod"), make_user("bob")
    client = logged_in(mod)
    for user in (bob, mod):
        page = client.get(user_page(user)).text
        assert 'name="role"' not in page
        client.post(user_page(user), typed(user, role=Role.ADMIN, is_superuser="on"))
        before = user.role
        user.refresh_from_db()
        assert (user.role, user.is_superuser) == (before, False)


def test_a_moderator_changes_no_address() -> None:
    """They could otherwise have a password reset link sent to themselves."""
    bob = make_user("bob")
    client = logged_in(make_moderator())
    assert 'name="email"' not in client.get(user_page(bob)).text
    client.post(user_page(bob), typed(bob, email="mod@example.org", username="bobby"))
    bob.refresh_from_db()
    assert (bob.username, bob.email) == ("bobby", "bob@example.org")


def test_nobody_changes_somebody_of_a_higher_rank() -> None:
    alice = make_admin("alice")
    make_admin()
    client = logged_in(make_moderator())
    page = client.get(user_page(alice))
    assert page.status_code == 200
    assert 'name="_save"' not in page.text
    assert client.post(user_page(alice), typed(alice, username="alix")).status_code == 403
    for action, word in (("deactivate", "deactivated"), ("reset_quotas", "reset")):
        assert f"1 was not {word}: it is an admin." in act(client, action, alice.pk).text
    alice.refresh_from_db()
    assert (alice.username, alice.is_active) == ("alice", True)
    assert recorded() == []


# -- The last admin -----------------------------------------------------------------------------
def test_the_last_admin_cannot_be_demoted() -> None:
    alice = make_admin("alice")
    make_admin(is_active=False)
    response = logged_in(alice).post(user_page(alice), typed(alice, role=Role.USER))
    assert "alice is the only active admin" in str(errors(response)["role"])
    alice.refresh_from_db()
    assert alice.is_superuser


def test_the_last_admin_cannot_be_deactivated() -> None:
    alice = make_admin("alice")
    client = logged_in(alice)
    response = client.post(user_page(alice), typed(alice, is_active=""))
    assert "is_active" in errors(response)
    assert "it is your own account" in act(client, "deactivate", alice.pk).text
    alice.refresh_from_db()
    assert alice.is_active


def test_the_last_admin_is_kept_when_two_lose_the_other_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The form still finds another admin, but the service, a moment later, does not."""
    alice, bob = make_admin("alice"), make_admin("bob")
    client = logged_in(alice)
    monkeypatch.setattr("accounts.admin.forms.check_is_not_last_admin", lambda _: None)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    response = client.post(user_page(alice), typed(alice, role=Role.USER), follow=True)
    assert response.status_code == 200
    assert "alice is the only active admin" in response.text
    alice.refresh_from_db()
    assert alice.is_admin
    assert recorded() == []


def test_another_admin_may_step_down() -> None:
    alice = make_admin("alice")
    make_admin("bob")
    response = logged_in(alice).post(user_page(alice), typed(alice, role=Role.USER), follow=True)
    assert response.status_code == 200
    alice.refresh_from_db()
    assert not alice.is_staff


@pytest.mark.parametrize("way", ["one", "several"])
def test_the_last_admin_cannot_be_deleted(way: str) -> None:
    alice = make_admin("alice")
    client = logged_in(alice)
    if way == "one":
        delete = reverse("admin:accounts_user_delete", args=[alice.pk])
        response = client.post(delete, {"post": "yes"})
    else:
        form_data = {"action": "delete_selected", "index": "0", "_selected_action": str(alice.pk)}
        response = client.post(USERS, {**form_data, "post": "yes"})
    assert response.status_code == 200
    assert "delete yourself" in response.text.replace("&#x27;", "'")
    assert User.objects.filter(pk=alice.pk).exists()
    assert recorded() == []


# -- Deactivation and quotas --------------------------------------------------------------------
@pytest.mark.parametrize("way", ["form", "action"])
def test_a_deactivated_member_is_out_at_once(way: str) -> None:
    mod, bob = make_moderator("mod"), make_user("bob")
    session, client = logged_in(bob), logged_in(mod)
    assert session.get("/").status_code == 200
    if way == "form":
        client.post(user_page(bob), typed(bob, is_active=""))
    else:
        assert "1 member deactivated." in act(client, "deactivate", bob.pk).text
    bob.refresh_from_db()
    assert not bob.is_active
    assert not bob.sessions.exists()
    assert session.get("/").status_code == 302
    assert recorded() == [("mod", "bob", "member.deactivate")]


@pytest.mark.parametrize("way", ["form", "action"])
def test_a_member_can_be_let_in_again(way: str) -> None:
    bob = make_user("bob", is_active=False)
    client = logged_in(make_moderator())
    if way == "form":
        client.post(user_page(bob), typed(bob, is_active="on"))
    else:
        act(client, "activate", bob.pk)
    bob.refresh_from_db()
    assert bob.is_active
    assert [action for _, _, action in recorded()] == ["member.activate"]


def test_nobody_deactivates_themselves() -> None:
    root, bob = make_admin("root_"), make_user("bob")
    make_admin()
    client = logged_in(root)
    text = act(client, "deactivate", root.pk, bob.pk, post="yes", expected="2").text
    assert "1 was not deactivated: it is your own account." in text
    assert "1 member deactivated." in text
    assert "is_active" in errors(client.post(user_page(root), typed(root, is_active="")))
    root.refresh_from_db()
    assert root.is_active


def test_many_are_deactivated_after_a_question_with_counts() -> None:
    mod, peer = make_moderator("mod"), make_moderator("peer")
    bob, charlie = make_user("bob"), make_user("charlie")
    logged_in(bob)
    client = logged_in(mod)
    everybody = ids(bob, charlie, peer)
    page = act(client, "deactivate", *everybody)
    assert "Deactivate 2 members" in page.text
    assert page.context["counts"] == {"members to deactivate": 2, "log-ins that end": "1"}
    assert sorted(page.context["listed"]) == ["bob", "charlie", "peer"]
    # A yes to another number of members, as when more joined meanwhile, asks again.
    again = act(client, "deactivate", *everybody, post="yes", expected="2")
    assert "The selection has changed" in again.text
    assert User.objects.filter(is_active=False).count() == 0
    sent = dict(page.context["sent"]) | {"post": "yes", "expected": str(page.context["count"])}
    assert (sent["action"], sent["index"]) == ("deactivate", "0")
    text = act(client, "deactivate", *everybody, post="yes", expected="3").text
    assert "2 members deactivated." in text
    assert set(User.objects.filter(is_active=False)) == {bob, charlie}


def test_all_members_are_not_deactivated_without_the_question() -> None:
    make_user("bob")
    make_user("charlie")
    client = logged_in(make_moderator())
    page = act(client, "deactivate", User.objects.get(username="bob").pk, select_across="1")
    assert "Deactivate 2 members" in page.text
    assert ("select_across", "1") in page.context["sent"]
    assert not User.objects.filter(is_active=False).exists()


def test_a_moderator_changes_neither_peers_nor_their_own_quota() -> None:
    mod = make_moderator("mod", weekly_upload_bytes=GB)
    peer = make_moderator("peer", weekly_upload_bytes=GB)
    client = logged_in(mod)
    for user in (mod, peer):
        sent = typed(user, username="renamed", weekly_upload_limit_bytes="99 GB")
        assert client.post(user_page(user), sent).status_code == 403
    for action in ("deactivate", "reset_quotas"):
        text = act(client, action, *ids(mod, peer), post="yes", expected="2").text
        assert "1 is your own account" in text
        assert "1 is a moderator like you" in text
    for user in (mod, peer):
        name = user.username
        user.refresh_from_db()
        assert (user.username, user.is_active) == (name, True)
        assert (user.weekly_upload_bytes, user.weekly_upload_limit_bytes) == (GB, None)


def test_quotas_are_reset_and_each_is_logged() -> None:
    mod = make_moderator("mod")
    users = [make_user(name, weekly_upload_bytes=GB) for name in ("bob", "charlie")]
    text = act(logged_in(mod), "reset_quotas", *ids(*users)).text
    assert "Weekly quota reset for 2 members." in text
    for user in users:
        user.refresh_from_db()
        assert quota_state(user).used_bytes == 0
    assert sorted(recorded()) == [
        ("mod", "bob", "member.quota"),
        ("mod", "charlie", "member.quota"),
    ]


def test_a_forged_selection_is_answered_on_the_page() -> None:
    response = act(logged_in(make_moderator()), "deactivate", "no-uuid")
    assert response.status_code == 200
    assert "is not a valid UUID" in response.text


# -- Deletion -----------------------------------------------------------------------------------
@pytest.mark.parametrize("way", ["one", "several"])
def test_a_deleted_members_categories_are_handed_to_the_admin(way: str) -> None:
    Config.objects.update(trash_days=0)
    alice, bob = make_admin("alice"), make_user("bob")
    category = make_category("Music", created_by=bob)
    videos = make_video("Bob's video", uploader=bob, category=category, stored_bytes=MB)
    add_stored(member=bob.pk, size=MB)
    kept = make_video("Another's video", category=category)
    client = logged_in(alice)
    if way == "one":
        address, form_data = reverse("admin:accounts_user_delete", args=[bob.pk]), {}
    else:
        address = USERS
        form_data = {"action": "delete_selected", "index": "0", "_selected_action": str(bob.pk)}
    confirmation = client.post(address, form_data) if form_data else client.get(address)
    assert "Their categories will be transferred to you, alice." in confirmation.text
    assert "bob: 1 video (1 MB)" in confirmation.text
    assert "Music" not in confirmation.text
    assert client.post(address, {**form_data, "post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=bob.pk).exists()
    assert list(Video.objects.all()) == [kept]
    assert videos.title == "Bob's video"
    category.refresh_from_db()
    assert category.created_by == alice
    assert recorded() == [("alice", "bob", "member.delete")]


@pytest.mark.parametrize("way", ["one", "several"])
def test_a_deleted_member_goes_into_the_trash_and_out_of_it(way: str) -> None:
    bob = make_user("bob")
    category = make_category("Music", created_by=bob)
    make_video("Bob's video", uploader=bob, category=category)
    client = logged_in(make_admin("alice"))
    address = reverse("admin:accounts_user_delete", args=[bob.pk])
    confirmation = client.get(address).text
    assert "Into the trash for 30 days" in confirmation
    if way == "one":
        shown = client.post(address, {"post": "yes"}, follow=True).text
        assert "bob moved to the trash." in shown  # with the name as it is
    else:
        act(client, "delete_selected", bob.pk, post="yes")
    bob.refresh_from_db()
    assert (bob.is_active, bob.is_trashed) == (False, True)
    assert Video.objects.get().is_trashed
    category.refresh_from_db()
    assert category.created_by == bob
    assert str(bob.pk) not in client.get(USERS).text
    listed = client.get(f"{USERS}?trash=yes").text
    assert "In the trash until" in listed
    if way == "one":
        client.post(reverse("admin:accounts_user_restore", args=[bob.pk]))
    else:
        act(client, "restore", bob.pk, address=f"{USERS}?trash=yes")
    bob.refresh_from_db()
    assert (bob.is_active, bob.is_trashed) == (True, False)
    assert not Video.objects.get().is_trashed


@pytest.mark.parametrize("way", ["one", "several"])
def test_a_member_in_the_trash_is_deleted_for_good_after_a_question(way: str) -> None:
    alice, bob = make_admin("alice"), make_user("bob")
    make_category("Music", created_by=bob)
    make_video("Bob's video", uploader=bob)
    trash_members(users=[bob], by=alice)
    client = logged_in(alice)
    if way == "one":
        address = reverse("admin:accounts_user_delete", args=[bob.pk])
        assert "Their videos and all files will be deleted" in client.get(address).text
        client.post(address, {"post": "yes"})
    else:
        asked = act(client, "empty", bob.pk, address=f"{USERS}?trash=yes")
        assert "1 member in the trash will be deleted for good" in asked.text
        assert User.objects.filter(pk=bob.pk).exists()
        act(client, "empty", bob.pk, address=f"{USERS}?trash=yes", post="yes")
    assert not User.objects.filter(pk=bob.pk).exists()
    assert not Video.objects.exists()
    assert alice.categories.count() == 1


def test_a_member_in_the_trash_is_not_activated() -> None:
    alice, bob = make_admin("alice"), make_user("bob")
    trash_members(users=[bob], by=alice)
    client = logged_in(alice)
    act(client, "activate", bob.pk)
    bob.refresh_from_db()
    assert not bob.is_active


def test_a_moderator_deletes_nobody() -> None:
    bob = make_user("bob")
    client = logged_in(make_moderator())
    delete = reverse("admin:accounts_user_delete", args=[bob.pk])
    assert client.get(delete).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    act(client, "delete_selected", bob.pk)
    assert User.objects.filter(pk=bob.pk).exists()
    assert delete not in client.get(user_page(bob)).text


@pytest.mark.parametrize("way", ["one", "several"])
def test_a_deletion_that_is_refused_at_the_last_moment_is_told_and_not_logged(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = make_admin("alice"), make_admin("bob")
    monkeypatch.setattr("accounts.admin.member._kept", lambda *_: [])
    client = logged_in(alice)
    User.objects.filter(pk=alice.pk).update(role=Role.ADMIN)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    if way == "one":
        delete = reverse("admin:accounts_user_delete", args=[alice.pk])
        response = client.post(delete, {"post": "yes"}, follow=True)
    else:
        form_data = {"action": "delete_selected", "index": "0", "_selected_action": str(alice.pk)}
        response = client.post(USERS, {**form_data, "post": "yes"}, follow=True)
    assert response.status_code == 200
    assert "delete yourself" in response.text.replace("&#x27;", "'")
    assert User.objects.filter(pk=alice.pk).exists()
    assert recorded() == []


# -- The password reset link --------------------------------------------------------------------
def reset_address(user: User) -> str:
    return reverse("admin:accounts_user_reset_link", args=[user.pk])


def test_an_admin_makes_a_password_reset_link_that_works_and_is_shown_once() -> None:
    alice, bob = make_admin("alice"), make_user("bob", password=PASSWORD)
    client = logged_in(alice)
    assert reset_address(bob) in client.get(user_page(bob)).text
    response = client.post(reset_address(bob))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    (link,) = links_in(response)
    assert link not in client.get(user_page(bob)).text
    assert recorded() == [("alice", "bob", "member.reset_link")]
    path = link.removeprefix("http://127.0.0.1:8000")
    page = Client().get(path, follow=True)
    assert page.status_code == 200
    assert 'name="new_password1"' in page.text


def test_only_admins_make_password_reset_links() -> None:
    bob, mod = make_user("bob"), make_moderator()
    client = logged_in(mod)
    assert reset_address(bob) not in client.get(user_page(bob)).text
    assert client.post(reset_address(bob)).status_code == 403
    assert client.post(reset_address(mod)).status_code == 403
    assert logged_in(bob).post(reset_address(bob)).status_code == 302
    assert Client().post(reset_address(bob)).status_code == 302
    assert recorded() == []


def test_a_password_reset_link_takes_a_post_and_its_token() -> None:
    bob = make_user("bob")
    admin = make_admin()
    assert logged_in(admin).get(reset_address(bob)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    assert strict.post(reset_address(bob)).status_code == 403
    assert recorded() == []


def test_somebody_deactivated_gets_no_password_reset_link() -> None:
    bob = make_user("bob", is_active=False)
    client = logged_in(make_admin())
    assert reset_address(bob) not in client.get(user_page(bob)).text
    response = client.post(reset_address(bob), follow=True)
    assert "bob is deactivated. Activate them first, then try again." in response.text
    missing = reverse(
        "admin:accounts_user_reset_link", args=["00000000-0000-4000-8000-000000000000"]
    )
    assert client.post(missing).status_code == 404


# -- Invitations --------------------------------------------------------------------------------
def invite(by: User, email: str = "new@example.org", role: Role = Role.USER) -> Invitation:
    return issue_invitation(email=email, role=role, created_by=by).invitation


def invite_above(mod: User, email: str) -> Invitation:
    """Creates an invitation to the role of an admin by a moderator who was an admin at the time."""
    invitation = invite(make_admin(), email, Role.ADMIN)
    Invitation.objects.filter(pk=invitation.pk).update(created_by=mod)
    return invitation


def invitation_page(invitation: Invitation) -> str:
    return reverse("admin:accounts_invitation_change", args=[invitation.pk])


def renew_address(invitation: Invitation) -> str:
    return reverse("admin:accounts_invitation_renew", args=[invitation.pk])


def token_in(response: Any) -> str:
    (link,) = links_in(response)
    return link.rstrip("/").rpartition("/")[2]


def test_a_moderator_invites_and_sees_the_link_once() -> None:
    mod = make_moderator("mod")
    client = logged_in(mod)
    response = client.post(INVITE, {"email": "New@Example.org", "role": Role.USER})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "readonly" in response.text
    token = token_in(response)
    invitation = find_invitation(token)
    assert invitation is not None
    assert (invitation.email, invitation.created_by) == ("new@example.org", mod)
    assert recorded() == [("mod", "Member", "invitation.create")]
    for page in (INVITATIONS, invitation_page(invitation)):
        text = client.get(page).text
        assert "new@example.org" in text
        assert token not in text
        assert invitation.token_hash not in text
    log = str(AuditEntry.objects.values())
    assert not [secret for secret in (token, invitation.token_hash, "example.org") if secret in log]


def test_the_answer_says_when_the_link_went_out_by_e_mail(settings: Settings) -> None:
    client = logged_in(make_moderator())
    form_data = {"email": "new@example.org", "role": Role.USER}
    assert "by e-mail" not in client.post(INVITE, form_data).text
    settings.MAIL_IS_CONFIGURED = True
    response = client.post(INVITE, form_data)
    assert "It has also been e-mailed." in response.text
    assert token_in(response) in mail.outbox[0].body


def test_only_admins_invite_to_other_roles_than_member() -> None:
    client = logged_in(make_moderator())
    page = client.get(INVITE).text
    for role in (Role.MODERATOR, Role.ADMIN):
        assert f'value="{role}"' not in page
        response = client.post(INVITE, {"email": "new@example.org", "role": role})
        assert "role" in errors(response)
    assert not Invitation.objects.exists()
    admin = logged_in(make_admin())
    assert admin.post(INVITE, {"email": "new@example.org", "role": Role.ADMIN}).status_code == 200
    assert Invitation.objects.get().role == Role.ADMIN


@pytest.mark.parametrize("email", ["BOB@example.org", "nonsense", ""])
def test_an_address_that_cannot_be_invited_is_refused_in_place(email: str) -> None:
    make_user("bob")
    response = logged_in(make_moderator()).post(INVITE, {"email": email, "role": Role.USER})
    assert list(errors(response)) == ["email"]
    assert not Invitation.objects.exists()


def test_fields_of_an_invitation_cannot_be_forged() -> None:
    mod, alice = make_moderator(), make_admin()
    form_data = {
        "email": "new@example.org",
        "role": Role.USER,
        "token_hash": hash_token("known"),
        "created_by": str(alice.pk),
        "expires_at_0": "2099-01-01",
        "expires_at_1": "00:00",
    }
    logged_in(mod).post(INVITE, form_data)
    invitation = Invitation.objects.get()
    assert find_invitation("known") is None
    assert invitation.created_by == mod
    assert invitation.expires_at < timezone.now() + timedelta(days=8)


def test_an_invitation_can_be_read_and_not_edited() -> None:
    alice = make_admin()
    invitation = invite(alice)
    client = logged_in(alice)
    page = client.get(invitation_page(invitation)).text
    assert 'name="_save"' not in page
    assert invitation.token_hash not in page
    form_data = {"email": "eve@example.org", "role": Role.ADMIN}
    assert client.post(invitation_page(invitation), form_data).status_code == 403
    invitation.refresh_from_db()
    assert (invitation.email, invitation.role) == ("new@example.org", Role.USER)


@pytest.mark.parametrize("way", ["tool", "action"])
def test_a_new_link_takes_the_place_of_the_old_one(way: str) -> None:
    mod = make_moderator("mod")
    client = logged_in(mod)
    old = token_in(client.post(INVITE, {"email": "new@example.org", "role": Role.USER}))
    invitation = Invitation.objects.get()
    assert renew_address(invitation) in client.get(invitation_page(invitation)).text
    if way == "tool":
        response = client.post(renew_address(invitation))
    else:
        response = act(client, "renew", invitation.pk, address=INVITATIONS)
    assert "no-store" in response["Cache-Control"]
    new = token_in(response)
    assert find_invitation(new) == invitation
    assert find_invitation(old) is None
    assert recorded()[-1] == ("mod", "Member", "invitation.renew")


def test_several_new_links_are_shown_together() -> None:
    mod = make_moderator()
    rows = [invite(mod, f"{name}@example.org").pk for name in "ab"]
    response = act(logged_in(mod), "renew", *rows, address=INVITATIONS)
    assert "2 new invitation links" in response.text
    assert len(links_in(response)) == 2


@pytest.mark.parametrize("way", ["tool", "action"])
def test_no_new_link_for_what_was_used_or_only_admins_grant(way: str) -> None:
    mod = make_moderator()
    used = invite(mod, "used@example.org")
    redeem_invitation(invitation=used, username="used", password=PASSWORD)
    above = invite_above(mod, "boss@example.org")
    client = logged_in(mod)
    for invitation, sentence in ((used, "has already been used"), (above, "nly admins")):
        assert renew_address(invitation) not in client.get(invitation_page(invitation)).text
        if way == "tool":
            response = client.post(renew_address(invitation), follow=True)
        else:
            response = act(client, "renew", invitation.pk, address=INVITATIONS)
        assert response.status_code == 200
        assert sentence in response.text
        before = invitation.token_hash
        invitation.refresh_from_db()
        assert invitation.token_hash == before
    assert "invitation.renew" not in {action for _, _, action in recorded()}


def test_a_new_link_takes_a_post_and_staff() -> None:
    invitation = invite(make_admin())
    assert logged_in(make_moderator()).get(renew_address(invitation)).status_code == 405
    assert logged_in(make_user()).post(renew_address(invitation)).status_code == 302
    missing = reverse(
        "admin:accounts_invitation_renew", args=["00000000-0000-4000-8000-000000000000"]
    )
    assert logged_in(make_moderator()).post(missing).status_code == 404


def test_open_invitations_are_revoked_and_used_ones_stay() -> None:
    mod = make_moderator("mod")
    opened = invite(mod, "open@example.org")
    used = invite(mod, "used@example.org")
    redeem_invitation(invitation=used, username="used", password=PASSWORD)
    above = invite_above(mod, "boss@example.org")
    client = logged_in(mod)
    assert "delete_selected" not in client.get(INVITATIONS).text
    text = act(client, "revoke", opened.pk, used.pk, above.pk, address=INVITATIONS).text
    assert "1 invitation revoked." in text
    assert (
        "2 were not revoked: 1 has already been used, 1 is for a role that only admins grant."
        in text
    )
    assert set(Invitation.objects.all()) == {used, above}
    assert recorded()[-1] == ("mod", "Member", "invitation.revoke")
    for invitation in (used, above):
        delete = reverse("admin:accounts_invitation_delete", args=[invitation.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403


def test_one_invitation_is_revoked_on_its_page() -> None:
    mod = make_moderator()
    invitation = invite(mod)
    client = logged_in(mod)
    delete = reverse("admin:accounts_invitation_delete", args=[invitation.pk])
    assert "stops working at once" in client.get(delete).text
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert not Invitation.objects.exists()


def test_an_invitation_used_while_it_is_being_revoked_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mod = make_moderator()
    invitation = invite(mod)
    monkeypatch.setattr("accounts.admin.invitation.revoke_invitation", lambda **_: False)
    client = logged_in(mod)
    delete = reverse("admin:accounts_invitation_delete", args=[invitation.pk])
    assert "is a member now" in client.post(delete, {"post": "yes"}, follow=True).text
    assert "is a member now" in act(client, "revoke", invitation.pk, address=INVITATIONS).text
    assert Invitation.objects.exists()
    assert recorded() == []


def test_the_list_tells_the_state_in_words_and_filters_by_it() -> None:
    mod = make_moderator("mod")
    invite(mod, "open@example.org")
    gone = invite(mod, "gone@example.org")
    Invitation.objects.filter(pk=gone.pk).update(expires_at=timezone.now() - timedelta(days=2))
    used = invite(mod, "used@example.org")
    redeem_invitation(invitation=used, username="used", password=PASSWORD)
    client = logged_in(mod)
    text = client.get(INVITATIONS).text
    assert re.search(r">Open</span> until \d+ \w+ \d{4}", text)
    assert re.search(r">Expired</span> <time[^>]*>2 days ago", text)
    assert re.search(r">Used</span> <time[^>]*>just now", text)
    for state, email in (("open", "open@"), ("expired", "gone@"), ("used", "used@")):
        found = client.get(INVITATIONS, {"state": state}).text
        assert found.count("@example.org") == found.count(f"{email}example.org") > 0
    assert client.get(INVITATIONS, {"state": "bogus"}).status_code == 200


def test_the_list_of_invitations_makes_as_many_queries_for_thirty_as_for_one() -> None:
    admin = make_admin()
    client = logged_in(admin)
    invite(admin, "first@example.org")
    for_one = count_queries(client, INVITATIONS)
    for number in range(29):
        invite(make_admin(), f"new{number}@example.org")
    assert client.get(INVITATIONS).text.count('class="field-state') == 30
    assert count_queries(client, INVITATIONS) == for_one


@pytest.mark.parametrize(
    "query",
    [
        "password__startswith=argon2",
        "password__regex=.",
        "sessions__session_key__startswith=a",
        "sessions__session_key__gte=a",
    ],
)
def test_no_secret_can_be_asked_for_letter_by_letter(client: Client, query: str) -> None:
    client.force_login(make_moderator())
    response = client.get(f"/admin/accounts/user/?{query}")
    assert response.status_code == 400
