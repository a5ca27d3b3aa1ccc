"""Members who delete their own account."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.forms import ConfirmForm
from accounts.models import Leaving, Session, User
from accounts.services.leaving import keep_account, request_leaving
from accounts.services.trash import restore_member
from accounts.tasks import trash_leaving_members
from siteconfig.models import AuditEntry, Config
from tests.accounts.test_email_changes import work
from tests.builders import (
    PASSWORD,
    live_for,
    make_admin,
    make_category,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Notification

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PAGE = "/settings/delete/"


@pytest.fixture
def alice() -> User:
    make_admin("root", password=PASSWORD)
    return make_user("alice", password=PASSWORD)


def logged_in(user: User) -> Client:
    client = Client()
    client.post("/login/", {"username": user.username, "password": PASSWORD})
    return client


def leave_days_ago(user: User, days: int) -> None:
    request_leaving(user=user)
    Leaving.objects.filter(member=user).update(requested_at=timezone.now() - timedelta(days=days))


def is_trashed(user: User) -> bool:
    return User.objects.get(pk=user.pk).is_trashed


def test_the_settings_offer_to_keep_an_account_that_will_be_deleted(alice: User) -> None:
    client = logged_in(alice)
    page = client.get("/settings/").content.decode()
    assert PAGE in page
    assert "Keep my account" not in page
    leave_days_ago(alice, 2)
    client = logged_in(alice)
    page = client.get("/settings/").content.decode()
    assert "/settings/keep/" in page
    assert "Keep my account" in page


def test_a_log_in_to_the_admin_leads_to_the_choice_as_well() -> None:
    make_admin("root", password=PASSWORD)
    ada = make_admin("ada", password=PASSWORD)
    request_leaving(user=ada)
    client = Client()
    page = "/admin/login/?next=/admin/videos/"
    answer = client.post(page, {"username": "ada", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "Keep my account" in client.get(PAGE).text
    assert client.post("/settings/keep/").status_code == 302
    assert not Leaving.objects.exists()
    answer = Client().post(page, {"username": "ada", "password": PASSWORD})
    assert answer["Location"] == "/admin/videos/"


def test_a_wrong_password_at_the_admin_shows_no_wish_to_leave() -> None:
    make_admin("root", password=PASSWORD)
    request_leaving(user=make_admin("ada", password=PASSWORD))
    answer = Client().post("/admin/login/", {"username": "ada", "password": "wrong"})
    assert answer.status_code in {200, 422}
    assert PAGE not in answer.text


# -- The page -----------------------------------------------------------------------------------
def test_the_page_says_what_goes_and_asks_for_the_password(alice: User, client: Client) -> None:
    make_video(uploader=alice)
    make_playlist(made_by=alice)
    client.force_login(alice)
    page = client.get(PAGE).content.decode()
    for words in ("Videos: 1", "Playlists: 1", "14 days", "30 days"):
        assert words in page
    assert client.post(PAGE).status_code == 422
    assert client.post(PAGE, {ConfirmForm.FIELD: "wrong"}).status_code == 422
    assert not Leaving.objects.exists()
    answer = client.post(PAGE, {ConfirmForm.FIELD: PASSWORD}, follow=True)
    assert answer.redirect_chain == [("/login/", 302)]
    assert "will be deleted on" in answer.content.decode()
    assert Leaving.objects.get().member == alice


def test_the_member_is_logged_out_everywhere_and_their_things_stay(alice: User) -> None:
    video = make_video(uploader=alice)
    here, there = logged_in(alice), logged_in(alice)
    here.post(PAGE)
    assert here.get("/settings/").status_code == there.get("/settings/").status_code == 302
    assert not Session.objects.filter(user=alice).exists()
    bob = logged_in(make_user("bob", password=PASSWORD))
    assert bob.get(f"/v/{video.short_id}/").status_code == 200


def test_a_log_in_offers_to_keep_the_account_which_takes_one_click(alice: User) -> None:
    logged_in(alice).post(PAGE)
    client = Client()
    sent = {"username": "alice", "password": PASSWORD, "next": "/upload/"}
    answer = client.post("/login/", sent)
    assert answer["Location"] == PAGE
    assert "Keep my account" in client.get(PAGE).content.decode()
    assert client.post("/settings/keep/")["Location"] == "/settings/"
    assert not Leaving.objects.exists()
    assert client.post("/settings/keep/").status_code == 302
    live_for(15)
    assert trash_leaving_members() == 0
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["member.leave", "member.stay"]


def test_the_only_admin_who_stays_cannot_leave(alice: User) -> None:
    root = User.objects.get(username="root")
    client = logged_in(root)
    assert "Make someone else an admin first" in client.get(PAGE).content.decode()
    assert client.post(PAGE).status_code == 422
    other = make_admin("other", password=PASSWORD)
    request_leaving(user=other)
    assert client.post(PAGE).status_code == 422
    keep_account(user=other)
    assert client.post(PAGE).status_code == 302


def test_members_are_told(alice: User, settings: Settings) -> None:
    request_leaving(user=alice)
    request_leaving(user=alice)
    assert "Log in before then to keep it" in Notification.objects.get().text
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    keep_account(user=alice)
    work()
    assert [it.subject for it in mail.outbox] == ["Your account stays"]


def test_admins_see_it_on_the_members_page(alice: User) -> None:
    request_leaving(user=alice)
    page = logged_in(User.objects.get(username="root")).get(
        f"/admin/accounts/user/{alice.pk}/change/"
    )
    assert "Deletes their account on" in page.content.decode()


# -- The end of the grace -----------------------------------------------------------------------
@pytest.mark.parametrize(("days", "goes"), [(13, False), (15, True)])
def test_the_account_goes_into_the_trash_after_the_grace(
    alice: User, days: int, goes: bool
) -> None:
    video = make_video(uploader=alice)
    leave_days_ago(alice, days)
    live_for(20)
    assert trash_leaving_members() == goes
    assert is_trashed(alice) == goes
    video.refresh_from_db()
    assert (video.trashed_at is not None) == goes
    assert Leaving.objects.exists() != goes
    if goes:
        entry = AuditEntry.objects.get(action="member.trash")
        assert (entry.actor_id, entry.object_name) == (alice.pk, "alice")


def test_a_clock_that_leaps_ahead_deletes_nothing(alice: User) -> None:
    leave_days_ago(alice, 15)
    live_for(3)
    assert trash_leaving_members() == 0
    assert not is_trashed(alice)


def test_the_last_admin_stays_even_after_the_grace() -> None:
    root, other = make_admin("root"), make_admin("other")
    leave_days_ago(root, 15)
    live_for(20)
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert trash_leaving_members() == 0
    assert not is_trashed(root)
    User.objects.filter(pk=other.pk).update(is_active=True)
    assert trash_leaving_members() == 1
    assert is_trashed(root)


def test_without_a_trash_the_account_is_deleted_and_its_categories_stay(alice: User) -> None:
    category = make_category(created_by=alice)
    Config.objects.update(trash_days=0)
    leave_days_ago(alice, 15)
    live_for(20)
    assert trash_leaving_members() == 1
    assert not User.objects.filter(pk=alice.pk).exists()
    category.refresh_from_db()
    assert category.created_by.username == "root"


def test_a_restored_member_is_not_deleted_again(alice: User) -> None:
    leave_days_ago(alice, 15)
    live_for(20)
    trash_leaving_members()
    restore_member(user=alice, by=User.objects.get(username="root"))
    assert trash_leaving_members() == 0
    assert not is_trashed(alice)
