"""Acts on members, and log-ins."""

from __future__ import annotations

from typing import Final

from django.test import Client
from django.urls import reverse

from tests.accounts.second_factors import make_app
from tests.audited_acts.site import GB, SOME, Entry, Site, covers
from tests.builders import (
    PASSWORD,
)


def member_form(site: Site, **changes: str) -> dict[str, str]:
    data = {"username": "bob", "email": site.bob.email, "role": "USER", "is_active": "on"}
    return {name: text for name, text in (data | changes).items() if text}


@covers("accounts_user:change")
def change_a_member(site: Site) -> list[Entry]:
    changes = {
        "username": "bobby",
        "email": "secret@example.org",
        "role": "MODERATOR",
        "is_active": "",
        "weekly_upload_limit_bytes": "1 GB",
        "stored_limit_bytes": "2 GB",
    }
    site.change("accounts_user", site.bob, member_form(site, **changes))
    limit, stored = "weekly_upload_limit_bytes", "stored_limit_bytes"
    return [
        Entry("member.rename", "bob", {"username": "bob"}, {"username": "bobby"}),
        Entry("member.email", "bobby", {}, {"email": "changed"}),
        Entry("member.quota", "bobby", {limit: None}, {limit: GB}),
        Entry("member.storage", "bobby", {stored: None}, {stored: 2 * GB}),
        Entry("member.role", "bobby", {"role": "USER"}, {"role": "MODERATOR"}),
        Entry("member.deactivate", "bobby", {"is_active": True}, {"is_active": False}),
    ]


@covers("accounts_user:action:deactivate", "accounts_user:action:activate")
def deactivate_and_activate_a_member(site: Site) -> list[Entry]:
    site.act("accounts_user", "deactivate", site.bob)
    site.act("accounts_user", "activate", site.bob)
    return [
        Entry("member.deactivate", "bob", {"is_active": True}, {"is_active": False}),
        Entry("member.activate", "bob", {"is_active": False}, {"is_active": True}),
    ]


@covers("accounts_user:action:reset_quotas")
def reset_a_quota(site: Site) -> list[Entry]:
    site.act("accounts_user", "reset_quotas", site.bob)
    counter, moment = "weekly_upload_bytes", "last_upload_reset"
    states = {counter: 0, moment: SOME}
    return [Entry("member.quota", "bob", states, states)]


ACTIVE: Final = ({"is_active": True}, {"is_active": False})


@covers("moderate_deactivate", "moderate_activate")
def deactivate_and_activate_a_member_on_the_profile(site: Site) -> list[Entry]:
    site.post("moderate_deactivate", "bob")
    site.post("moderate_activate", "bob")
    return [
        Entry("member.deactivate", "bob", *ACTIVE),
        Entry("member.activate", "bob", *reversed(ACTIVE)),
    ]


@covers("moderate_limit", "moderate_reset")
def set_a_quota_on_the_profile(site: Site) -> list[Entry]:
    site.post("moderate_limit", "bob", limit="1 GB")
    site.post("moderate_limit", "bob", limit="1 GB")
    site.post("moderate_reset", "bob")
    limit, states = (
        "weekly_upload_limit_bytes",
        {"weekly_upload_bytes": 0, "last_upload_reset": SOME},
    )
    return [
        Entry("member.quota", "bob", {limit: None}, {limit: GB}),
        Entry("member.quota", "bob", states, states),
    ]


@covers("accounts_user_reset_link")
def create_a_reset_link(site: Site) -> list[Entry]:
    site.by_admin.post(reverse("admin:accounts_user_reset_link", args=[site.bob.pk]))
    return [Entry("member.reset_link", "bob")]


@covers("accounts_user_reset_second_factor")
def reset_the_second_factor(site: Site) -> list[Entry]:
    address = reverse("admin:accounts_user_reset_second_factor", args=[site.bob.pk])
    make_app(site.bob)
    site.by_admin.get(address)
    site.by_admin.post(address)
    site.by_admin.post(address)
    return [Entry("member.second_factor_reset", "bob")]


def log_in(site: Site, address: str) -> None:
    for user in (site.mod, site.bob):
        user.set_password(PASSWORD)
        user.save()
        for password in ("wrong", PASSWORD):
            Client().post(address, {"username": user.username, "password": password})


@covers("login")
def only_staff_is_recorded_to_log_in(site: Site) -> list[Entry]:
    log_in(site, reverse("login"))
    return [Entry("session.start", "mod")]


@covers("settings_delete", "settings_keep")
def members_delete_and_keep_their_account(site: Site) -> list[Entry]:
    site.bob.set_password(PASSWORD)
    site.bob.save()
    for address in ("settings_delete", "settings_keep"):
        client = Client()
        client.post(reverse("login"), {"username": "bob", "password": PASSWORD})
        client.post(reverse(address))
    stays, leaves = {"is_leaving": False}, {"is_leaving": True}
    return [Entry("member.leave", "bob", stays, leaves), Entry("member.stay", "bob", leaves, stays)]


@covers("admin:login")
def log_in_to_the_admin(site: Site) -> list[Entry]:
    log_in(site, reverse("admin:login"))
    return [Entry("session.start", "mod")]
