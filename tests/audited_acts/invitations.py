"""Acts on invitations."""

from __future__ import annotations

from typing import Any, Final

from django.test import Client
from django.urls import reverse

from accounts.models import Role
from accounts.services.invitations import issue_invitation
from tests.audited_acts.site import SOME, Entry, Site, covers
from tests.builders import (
    PASSWORD,
)


def invited(by: str) -> dict[str, Any]:
    return {"role": "USER", "expires_at": SOME, "inviter": by}


@covers("invitation_list")
def invite_twice(site: Site) -> list[Entry]:
    for _ in range(2):
        site.post("invitation_list", email="new@example.org", role="USER")
    created = Entry("invitation.create", "Member", {}, invited("mod"))
    expired = Entry("invitation.expire", "Member", invited("mod"), {"expires_at": SOME})
    return [created, expired, created]


@covers("accounts_invitation:add")
def invite_in_the_admin(site: Site) -> list[Entry]:
    data = {"email": "new@example.org", "role": "USER"}
    site.by_admin.post(reverse("admin:accounts_invitation_add"), data)
    return [Entry("invitation.create", "Member", {}, invited("root_"))]


RENEWED: Final = Entry("invitation.renew", "Member", invited("mod"), invited("root_"))
REVOKED: Final = Entry("invitation.revoke", "Member", invited("mod"))


@covers("accounts_invitation:action:renew")
def renew_invitations(site: Site) -> list[Entry]:
    site.act("accounts_invitation", "renew", site.invitation)
    return [RENEWED]


@covers("accounts_invitation_renew")
def renew_an_invitation(site: Site) -> list[Entry]:
    address = reverse("admin:accounts_invitation_renew", args=[site.invitation.pk])
    site.by_admin.post(address)
    return [RENEWED]


@covers("invitation_renew")
def renew_on_the_site(site: Site) -> list[Entry]:
    site.post("invitation_renew", site.invitation.pk)
    return [Entry("invitation.renew", "Member", invited("mod"), invited("mod"))]


@covers("accounts_invitation:action:revoke")
def revoke_invitations(site: Site) -> list[Entry]:
    site.act("accounts_invitation", "revoke", site.invitation)
    return [REVOKED]


@covers("accounts_invitation:delete")
def revoke_an_invitation(site: Site) -> list[Entry]:
    site.delete("accounts_invitation", site.invitation)
    return [REVOKED]


@covers("invitation_revoke")
def revoke_on_the_site(site: Site) -> list[Entry]:
    site.post("invitation_revoke", site.invitation.pk)
    return [REVOKED]


@covers("register")
def join_by_an_invitation(site: Site) -> list[Entry]:
    issued = issue_invitation(email="new@example.org", role=Role.MODERATOR, created_by=site.admin)
    path = "/" + issued.link.split("/", 3)[3]
    data = {"username": "nora", "password1": PASSWORD, "password2": PASSWORD}
    assert Client().post(path, data).status_code == 302
    invitation = str(issued.invitation.pk)
    return [
        Entry("member.join", "nora", {}, {"role": "MODERATOR", "invitation": invitation}),
        Entry("session.start", "nora"),
    ]
