"""Members' e-mail addresses are seen by admins only, as the settings page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import Invitation, Role, User
from accounts.services.invitations import issue_invitation
from accounts.services.members import set_role
from tests.builders import (
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Job
from videos.services.comments import write_comment

if TYPE_CHECKING:
    from django.db.models import Model

SECRET = "hidden.example"  # in all e-mail addresses except the moderator's own
USERS = "/admin/accounts/user/"
INVITATIONS = "/admin/accounts/invitation/"

pytestmark = pytest.mark.django_db


def address(name: str) -> str:
    return f"{name}@{SECRET}"


@pytest.fixture
def mod() -> User:
    """A moderator, on a site with rows of each kind, so that each page could show an address."""
    mod = make_moderator("mod", email="mod@example.org")
    root = make_admin("root_", email=address("root"))
    bob = make_user("bob", email=address("bob"))
    make_moderator("other_mod", email=address("other"))
    make_user("gone", email=address("gone"), is_active=False)
    category = make_category("Music", created_by=root)
    video = make_video("Harvest", uploader=bob, category=category)
    write_comment(video=video, author=bob, text="Hm")
    make_playlist("Summer", made_by=bob)
    Job.objects.create(video=video)
    issue_invitation(email=address("invited"), role=Role.USER, created_by=root)
    client = logged_in(root)  # history with the names of objects
    bobs_page = reverse("admin:accounts_user_change", args=[bob.pk])
    client.post(bobs_page, {"username": "bob", "email": address("bobby"), "role": Role.USER})
    client.post(f"{INVITATIONS}add/", {"email": address("newer"), "role": Role.USER})
    return mod


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def pages_of(model: type[Model]) -> list[str]:
    """Yields the addresses of a model's list in the admin and of the pages of its rows."""
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    rows = model._default_manager.values_list("pk", flat=True)
    lists = [reverse(f"{base}_changelist"), reverse(f"{base}_add")]
    return lists + [
        reverse(f"{base}_{page}", args=[row])
        for row in rows
        for page in ("change", "history", "delete")
    ]


ON_SITE = [
    "/",
    "/users/",
    "/users/?q=bob",
    "/profile/bob/",
    "/invitations/",
    "/notices/",
    "/categories/",
    "/settings/",
    "/admin/",
    "/admin/accounts/",
    "/admin/autocomplete/?app_label=videos&model_name=video&field_name=uploaded_by&term=b",
    "/admin/autocomplete/?app_label=accounts&model_name=invitation&field_name=created_by&term=",
]


@pytest.mark.slow
def test_no_page_shows_a_moderator_the_address_of_somebody_else(mod: User) -> None:
    client = logged_in(mod)
    pages = ON_SITE + [page for model in admin.site._registry for page in pages_of(model)]
    assert len(pages) > 30
    seen = {page: client.get(page, follow=True) for page in pages}
    assert [page for page, answer in seen.items() if SECRET in answer.text] == []
    assert sum(answer.status_code == 200 for answer in seen.values()) > 20
    admins = logged_in(User.objects.get(username="root_"))
    for page in (USERS, INVITATIONS, "/invitations/"):
        assert SECRET in admins.get(page).text


@pytest.mark.parametrize("model", ["user", "invitation"])
@pytest.mark.parametrize("ask", ["q=hidden", "q=bobby%40hidden.example", "q=invited%40"])
def test_a_moderator_finds_nobody_by_an_address(mod: User, model: str, ask: str) -> None:
    found = logged_in(mod).get(f"/admin/accounts/{model}/?{ask}")
    assert found.status_code == 200
    assert found.context["cl"].result_count == 0


def test_admins_find_members_by_their_address(mod: User) -> None:
    client = logged_in(User.objects.get(username="root_"))
    assert client.get(f"{USERS}?q=bobby@").context["cl"].result_count == 1
    assert client.get(f"{INVITATIONS}?q=invited@").context["cl"].result_count == 1


@pytest.mark.parametrize(
    "query",
    [
        "accounts/user/?email=bob@hidden.example",
        "accounts/user/?email__startswith=b",
        "accounts/user/?invitations__email__startswith=b",
        "accounts/invitation/?created_by__email__startswith=r",
        "videos/video/?uploaded_by__email__startswith=b",
        "videos/comment/?author__email__regex=.",
        "videos/playlist/?made_by__email__gte=b",
        "videos/upload/?user__email__contains=b",
        "videos/job/?video__uploaded_by__email__startswith=b",
        "categories/category/?created_by__email__startswith=b",
        "accounts/user/?_to_field=email",
    ],
)
def test_no_filter_tells_an_address_letter_by_letter(mod: User, query: str) -> None:
    assert logged_in(mod).get(f"/admin/{query}").status_code in {400, 403}


def test_no_order_of_the_list_follows_the_addresses(mod: User) -> None:
    client = logged_in(mod)
    columns = client.get(USERS).context["cl"].list_display
    assert "email" not in columns
    for number in range(len(columns) + 2):
        ordering = client.get(f"{USERS}?o={number}").context["cl"].queryset.query.order_by
        assert not any("email" in name for name in ordering)


@pytest.mark.parametrize("way", ["on the site", "in the admin", "by the action"])
def test_a_moderator_gets_no_link_of_anothers_invitation(mod: User, way: str) -> None:
    """The page behind the link shows the address, and anybody who opens it can register."""
    client = logged_in(mod)
    invitation = Invitation.objects.get(email=address("invited"))
    if way == "by the action":
        form_data = {"action": "renew", "index": "0", "_selected_action": str(invitation.pk)}
        answer = client.post(INVITATIONS, form_data, follow=True)
    else:
        name = "invitation_renew" if way == "on the site" else "admin:accounts_invitation_renew"
        answer = client.post(reverse(name, args=[invitation.pk]), follow=True)
        assert answer.status_code == 404
    assert SECRET not in answer.text
    before = invitation.token_hash, invitation.created_by_id
    invitation.refresh_from_db()
    assert (invitation.token_hash, invitation.created_by_id) == before


def test_moderators_see_and_change_the_invitations_that_they_made(mod: User) -> None:
    client = logged_in(mod)
    issue_invitation(email="aunt@example.org", role=Role.USER, created_by=mod)
    invitation = Invitation.objects.get(email="aunt@example.org")
    for page in ("/invitations/", INVITATIONS):
        assert "aunt@example.org" in client.get(page).text
    assert client.post(reverse("invitation_renew", args=[invitation.pk])).status_code == 200
    assert client.post(reverse("invitation_revoke", args=[invitation.pk])).status_code == 302
    assert not Invitation.objects.filter(pk=invitation.pk).exists()


# -- Their rank -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["other_mod", "root_"])
def test_a_moderator_changes_nobody_of_their_rank_or_above(mod: User, name: str) -> None:
    client, user = logged_in(mod), User.objects.get(username=name)
    before = User.objects.values().get(pk=user.pk)
    page = reverse("admin:accounts_user_change", args=[user.pk])
    assert 'name="_save"' not in client.get(page).text
    form_data = {"username": "renamed", "is_active": "", "weekly_upload_limit_bytes": "0"}
    assert client.post(page, form_data).status_code == 403
    for tool in ("delete", "reset_link"):
        address = reverse(f"admin:accounts_user_{tool}", args=[user.pk])
        assert client.post(address, {"post": "yes"}).status_code == 403
    for action in ("deactivate", "activate", "reset_quotas", "delete_selected"):
        form_data = {
            "action": action,
            "index": "0",
            "_selected_action": str(user.pk),
            "post": "yes",
        }
        answer = client.post(USERS, form_data, follow=True)
        rank = "a moderator like you" if name == "other_mod" else "an admin"
        is_refused = f": it is {rank}." in answer.text
        assert is_refused == (action != "delete_selected")  # which moderators don't have
    assert User.objects.values().get(pk=user.pk) == before


def test_admins_change_moderators_and_other_admins(mod: User) -> None:
    client = logged_in(User.objects.get(username="root_"))
    other = make_admin("other_admin")
    for user in (mod, other):
        form_data = {"action": "deactivate", "index": "0", "_selected_action": str(user.pk)}
        client.post(USERS, form_data)
        user.refresh_from_db()
        assert not user.is_active


def test_an_admin_who_becomes_a_moderator_sees_no_addresses_any_more(mod: User) -> None:
    other = make_admin("other_admin")
    client = logged_in(other)
    assert SECRET in client.get(USERS).text
    set_role(user=other, role=Role.MODERATOR, granted_by=User.objects.get(username="root_"))
    assert SECRET not in client.get(USERS).text
