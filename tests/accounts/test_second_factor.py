"""Setting up, changing and resetting the second factor, and staff who need one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import AuthenticatorApp, Passkey, RecoveryCode, Role, User
from accounts.services.members import set_role
from accounts.services.second_factor import add_authenticator_app, reset_second_factor
from siteconfig.actors import acting_as_command
from siteconfig.models import AuditEntry
from siteconfig.services.config import current_config, save_config
from tests.accounts.second_factors import (
    SECRET,
    app_code,
    at_second_step,
    give_password,
    guarded_member,
    make_app,
    quick_member,
)
from tests.builders import make_admin, make_moderator, make_user

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

HOME = "/settings/second-factor/"
APP = f"{HOME}app/"


def confirmed(user: User) -> Client:
    """Returns a client of a member who has just given the password."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["confirmed_at"] = timezone.now().isoformat()
    session.save()
    return client


def shown_secret(page: str) -> str:
    return re.search(r"<code>([A-Z2-7 ]{39})</code>", page).group(1).replace(" ", "")  # type: ignore[union-attr]


def shown_codes(page: str) -> list[str]:
    return re.findall(r"<code>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</code>", page)


# -- Setting up -----------------------------------------------------------------------------------
def test_a_member_adds_an_app_and_gets_ten_codes_once() -> None:
    bob = make_user("bob")
    client = confirmed(bob)
    page = client.get(APP).content.decode()
    secret = shown_secret(page)
    assert "<svg viewBox" in page
    assert "style=" not in page
    response = client.post(APP, {"code": app_code(secret), "name": "My phone"})
    assert len(shown_codes(response.content.decode())) == 10
    assert "no-store" in response.headers["Cache-Control"]
    assert list(bob.authenticator_apps.values_list("name", flat=True)) == ["My phone"]
    for address in (HOME, "/settings/", APP):
        page = client.get(address).content.decode()
        assert secret not in page.replace(" ", "")
        assert not shown_codes(page)
    assert "My phone" in client.get("/settings/").content.decode()


def test_the_code_of_the_set_up_does_not_log_in() -> None:
    bob = make_user("bob")
    client = confirmed(bob)
    secret = shown_secret(client.get(APP).content.decode())
    code = app_code(secret)
    client.post(APP, {"code": code, "name": "x"})
    other = at_second_step(bob)
    assert other.post("/login/second-step/", {"code": code}).status_code == 422


def test_a_wrong_code_adds_nothing_and_keeps_the_secret() -> None:
    bob = make_user("bob")
    client = confirmed(bob)
    secret = shown_secret(client.get(APP).content.decode())
    response = client.post(APP, {"code": "12", "name": "x"})
    assert response.status_code == 422
    assert shown_secret(response.content.decode()) == secret
    assert not bob.authenticator_apps.exists()


def test_nothing_changes_without_the_password() -> None:
    bob = make_user("bob")
    app = make_app(bob)
    client = Client()
    client.force_login(bob)
    for address in (APP, f"{HOME}passkey/", f"{HOME}codes/", f"{HOME}{app.pk}/"):
        assert client.get(address).headers["Location"].startswith("/settings/confirm/")
        assert client.post(address, {"name": "x"}).status_code == 422
    assert client.post(f"{HOME}{app.pk}/remove/").status_code == 422
    app.refresh_from_db()
    assert app.name == "Phone"
    assert not bob.recovery_codes.exists()


def test_a_second_app_keeps_the_codes_of_the_first() -> None:
    bob = make_user("bob")
    assert len(add_authenticator_app(user=bob, name="a", secret=SECRET, code=app_code())) == 10
    other = "A" * 32
    assert add_authenticator_app(user=bob, name="b", secret=other, code=app_code(other)) == []


def test_there_is_a_limit() -> None:
    bob = make_user("bob")
    for _ in range(10):
        make_app(bob)
    with pytest.raises(ValidationError):
        add_authenticator_app(user=bob, name="x", secret=SECRET, code=app_code())


def test_a_member_renames_and_removes_it_and_the_codes_go_with_the_last() -> None:
    bob = make_user("bob")
    add_authenticator_app(user=bob, name="a", secret=SECRET, code=app_code())
    app = AuthenticatorApp.objects.get()
    client = confirmed(bob)
    client.post(f"{HOME}{app.pk}/", {"name": "Old phone"})
    app.refresh_from_db()
    assert app.name == "Old phone"
    assert client.post(f"{HOME}{app.pk}/", {"name": " "}).status_code == 422
    client.post(f"{HOME}{app.pk}/remove/")
    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_what_others_have_set_up_is_not_there() -> None:
    app = make_app(make_user("bob"))
    client = confirmed(make_user("mallory"))
    assert client.get(f"{HOME}{app.pk}/").status_code == 404
    assert client.post(f"{HOME}{app.pk}/", {"name": "x"}).status_code == 404
    assert client.post(f"{HOME}{app.pk}/remove/").status_code == 404
    assert AuthenticatorApp.objects.filter(name="Phone").exists()


def test_who_sends_the_set_up_twice_is_led_to_what_is_there() -> None:
    """As by a second click without scripts, or by loading the page of the codes again."""
    bob = make_user("bob")
    client = confirmed(bob)
    sent = {"code": app_code(shown_secret(client.get(APP).content.decode())), "name": "Phone"}
    assert client.post(APP, sent).status_code == 200
    again = client.post(APP, sent, follow=True)
    assert again.redirect_chain == [(HOME, 302)]
    assert "If your app isn&#x27;t listed here, add it again." in again.content.decode()
    assert bob.authenticator_apps.count() == 1


def test_new_codes_need_a_second_factor() -> None:
    client = confirmed(make_user("bob"))
    assert client.post(f"{HOME}codes/").headers["Location"] == HOME
    assert not RecoveryCode.objects.exists()


def test_new_codes_replace_the_old_ones() -> None:
    bob = quick_member()
    client = confirmed(bob)
    first = shown_codes(client.post(f"{HOME}codes/").content.decode())
    second = shown_codes(client.post(f"{HOME}codes/").content.decode())
    assert len(first) == len(second) == 10
    assert bob.recovery_codes.count() == 10


# -- Resets ---------------------------------------------------------------------------------------
def test_an_admin_resets_it_and_the_audit_log_has_it() -> None:
    bob = quick_member()
    client = Client()
    client.force_login(make_admin("root"))
    page = client.get(f"/admin/accounts/user/{bob.pk}/change/").content.decode()
    address = f"/admin/accounts/user/{bob.pk}/reset-second-factor/"
    assert address in page
    assert "Set up" in page
    assert "bob" in client.get(address).content.decode()
    assert AuthenticatorApp.objects.exists()
    client.post(address)
    assert not AuthenticatorApp.objects.exists()
    entry = AuditEntry.objects.get(action="member.second_factor_reset")
    assert (entry.actor_name, entry.object_name) == ("root", "bob")
    assert address not in client.get(f"/admin/accounts/user/{bob.pk}/change/").content.decode()


def test_moderators_do_not_reset_it() -> None:
    bob = quick_member()
    client = Client()
    client.force_login(make_moderator())
    assert client.post(f"/admin/accounts/user/{bob.pk}/reset-second-factor/").status_code == 403
    assert AuthenticatorApp.objects.exists()


def test_the_member_is_told_of_each_change() -> None:
    bob = make_user("bob")
    client = confirmed(bob)
    secret = shown_secret(client.get(APP).content.decode())
    client.post(APP, {"code": app_code(secret), "name": "My phone"})
    client.post(f"{HOME}codes/")
    client.post(f"{HOME}{AuthenticatorApp.objects.get().pk}/remove/")
    make_app(bob)
    reset_second_factor(user=bob)
    told = "\n".join(bob.notifications.order_by("created_at").values_list("text", flat=True))
    for what in ("was added to", "recovery codes were created", "was removed from", "An admin"):
        assert what in told


def test_the_command_lets_the_only_admin_in_again(capsys: pytest.CaptureFixture[str]) -> None:
    guarded_member("root", role=Role.ADMIN)
    with acting_as_command(["manage.py", "reset_second_factor"]):
        call_command("reset_second_factor", "ROOT")
    assert "root" in capsys.readouterr().out
    entry = AuditEntry.objects.get(action="member.second_factor_reset")
    assert entry.actor_name == "manage.py reset_second_factor"
    assert give_password(Client(), "root").headers["Location"] == "/"
    with pytest.raises(CommandError, match="no second factor"):
        call_command("reset_second_factor", "root")
    with pytest.raises(CommandError, match="no member"):
        call_command("reset_second_factor", "nobody")


# -- Staff who need one ---------------------------------------------------------------------------
def require(*, days: int = 14) -> None:
    config = current_config()
    config.staff_need_second_factor, config.second_factor_grace_days = True, days
    save_config(config, changed_by=User.objects.get(username="root"))


def due_of(user: User) -> object:
    return User.objects.get(pk=user.pk).second_factor_due_at


def test_nobody_needs_one_by_default() -> None:
    assert not current_config().staff_need_second_factor
    assert due_of(make_admin()) is None


def test_the_switch_gives_staff_without_one_a_date_and_takes_it_away() -> None:
    root, mona, bob = make_admin("root"), make_moderator("mona"), make_user("bob")
    make_app(mona)
    require(days=7)
    due = User.objects.get(pk=root.pk).second_factor_due_at
    assert due is not None
    assert abs(due - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert due_of(mona) is None
    assert due_of(bob) is None
    config = current_config()
    config.staff_need_second_factor = False
    save_config(config, changed_by=root)
    assert due_of(root) is None


def test_another_change_of_the_configuration_leaves_the_dates() -> None:
    root = make_admin("root")
    require()
    before = due_of(root)
    config = current_config()
    config.trash_days = 5
    save_config(config, changed_by=root)
    assert due_of(root) == before


def test_until_the_date_staff_see_it_on_the_site_and_in_the_admin() -> None:
    root = make_admin("root")
    require()
    client = Client()
    client.force_login(root)
    for address in ("/", "/admin/"):
        page = client.get(address)
        assert page.status_code == 200
        assert "need a second factor" in page.content.decode()


def test_after_the_date_staff_get_only_the_page_that_sets_it_up() -> None:
    root = make_admin("root")
    require(days=0)
    client = confirmed(root)
    for address in ("/", "/admin/", "/settings/", "/readyz", "/admin/videos/video/"):
        assert client.get(address).headers["Location"] == HOME
    assert client.post("/settings/", {"username": "x"}).status_code == 403
    assert client.post("/uploads/", headers={"tus-resumable": "1.0.0"}).status_code == 403
    assert client.get("/", headers={"hx-request": "true"}).headers["HX-Redirect"] == HOME
    assert client.get(HOME).status_code == 200
    secret = shown_secret(client.get(APP).content.decode())
    client.post(APP, {"code": app_code(secret), "name": "x"})
    assert client.get("/admin/").status_code == 200
    assert due_of(root) is None


def test_a_refused_form_shows_overdue_staff_no_other_page() -> None:
    root = make_admin("root")
    require(days=0)
    client = confirmed(root)
    new = {"new_password1": "a long new passphrase", "new_password2": "another"}
    answer = client.post("/settings/password/", {"old_password": "wrong", **new})
    assert answer.status_code == 403
    assert root.email not in answer.text


def test_overdue_staff_can_log_out_and_guests_and_members_see_nothing_of_it() -> None:
    root, bob = make_admin("root"), make_user("bob")
    require(days=0)
    client = confirmed(root)
    assert client.get("/healthz").status_code != 302
    assert client.get("/s/" + "x" * 43 + "/").status_code == 404
    assert client.post("/logout/").headers["Location"] == "/login/"
    member = Client()
    member.force_login(bob)
    assert member.get("/").status_code == 200


def test_a_new_moderator_gets_a_date_and_loses_it_with_the_role() -> None:
    root, bob = make_admin("root"), make_user("bob")
    require()
    set_role(user=bob, role=Role.MODERATOR, granted_by=root)
    assert due_of(bob) is not None
    set_role(user=bob, role=Role.USER, granted_by=root)
    assert due_of(bob) is None


def test_a_change_of_role_among_staff_does_not_move_the_date() -> None:
    root, mona = make_admin("root"), make_moderator("mona")
    require()
    before = due_of(mona)
    set_role(user=User.objects.get(pk=mona.pk), role=Role.ADMIN, granted_by=root)
    assert due_of(mona) == before


def test_staff_who_need_one_do_not_remove_the_last_one() -> None:
    root = make_admin("root")
    app = make_app(root)
    require()
    client = confirmed(root)
    page = client.get(f"{HOME}{app.pk}/").content.decode()
    assert "Add another one before you remove it." in page.replace("\n      ", " ")
    assert f"{HOME}{app.pk}/remove/" not in page
    client.post(f"{HOME}{app.pk}/remove/")
    assert AuthenticatorApp.objects.count() == 1
    make_app(root)
    assert f"{HOME}{app.pk}/remove/" in client.get(f"{HOME}{app.pk}/").content.decode()
    client.post(f"{HOME}{app.pk}/remove/")
    assert AuthenticatorApp.objects.count() == 1


def test_after_a_reset_staff_have_to_set_one_up_at_once() -> None:
    root = make_admin("root")
    make_app(root)
    require()
    reset_second_factor(user=root)
    client = Client()
    client.force_login(root)
    assert client.get("/admin/").headers["Location"] == HOME


# -- Passkeys where browsers refuse them ----------------------------------------------------------
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "videos.example"])
def test_where_there_are_no_passkeys_the_pages_say_so(host: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = confirmed(make_user("bob"))
    page = client.get("/settings/", headers={"host": host}).content.decode()
    assert "Passkeys aren't available here" in page
    assert "Add passkey" not in page
    page = client.get(f"{HOME}passkey/", headers={"host": host}).content.decode()
    assert "Passkeys aren't available here" in page
    assert client.post(f"{HOME}passkey/", headers={"host": host}).status_code == 422


@pytest.mark.parametrize("answer", ["", "x", "[]", "{}", '{"response": {}}', "[" * 5000])
def test_a_broken_answer_of_a_browser_is_refused(answer: str) -> None:
    bob = make_user("bob")
    Passkey.objects.create(
        user=bob, name="x", host="localhost", credential_id="aaaa", public_key=b"x"
    )
    there = {"host": "localhost"}
    client = confirmed(bob)
    client.get(f"{HOME}passkey/", headers=there)
    response = client.post(f"{HOME}passkey/", {"answer": answer, "name": "x"}, headers=there)
    assert response.status_code == 422
    other = at_second_step(bob)
    other.get("/login/second-step/", headers=there)
    response = other.post("/login/second-step/passkey/", {"answer": answer}, headers=there)
    assert response.status_code == 422
    assert other.get("/settings/").status_code == 302
