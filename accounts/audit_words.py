"""The words of the audit log for members, invitations and log-ins."""

from __future__ import annotations

from typing import Final

from siteconfig.audit_words import Kind, register_kind

MEMBERS: Final = Kind(
    plural="Members",
    model="accounts.User",
    acts={
        "join": ("Join", "%(name)s joined"),
        "activate": ("Activate", "Activated %(name)s"),
        "deactivate": ("Deactivate", "Deactivated %(name)s"),
        "role": ("Change role", "Changed the role of %(name)s"),
        "quota": ("Change quota", "Changed the weekly quota of %(name)s"),
        "storage": ("Change storage limit", "Changed the storage limit of %(name)s"),
        "rename": ("Rename", "Renamed %(name)s"),
        "email": ("Change e-mail address", "Changed the e-mail address of %(name)s"),
        "password": ("Set password", "Set the password of %(name)s"),
        "reset_link": ("Create reset link", "Created a password reset link for %(name)s"),
        "leave": ("Ask for deletion", "%(name)s asked for the deletion of their own account"),
        "stay": ("Keep account", "%(name)s keeps their account"),
        "second_factor_add": ("Add second factor", "Added a second factor to %(name)s"),
        "second_factor_remove": ("Remove second factor", "Removed a second factor of %(name)s"),
        "second_factor_reset": ("Reset second factor", "Reset the second factor of %(name)s"),
        "recovery_codes": ("Create recovery codes", "Created recovery codes for %(name)s"),
        "trash": ("Move to trash", "Moved %(name)s to the trash"),
        "restore": ("Restore", "Restored %(name)s from the trash"),
        "delete": ("Delete for good", "Deleted %(name)s for good"),
    },
    labels={"is_trashed": "In the trash", "is_leaving": "Deletes their account"},
)
INVITATIONS: Final = Kind(
    plural="Invitations",
    model="accounts.Invitation",
    acts={
        "create": ("Create", "Created an invitation"),
        "renew": ("Renew", "Created a new link for an invitation"),
        "expire": ("Replace", "Replaced an invitation by a new one"),
        "revoke": ("Revoke", "Revoked an invitation"),
    },
)
LOG_INS: Final = Kind(plural="Log-ins", acts={"start": ("Log in", "%(name)s logged in")})
SETUP_LINKS: Final = Kind(
    plural="Setup links",
    acts={"create": ("Create", "Created a link for the first admin")},
)


def register_words() -> None:
    register_kind("member", MEMBERS)
    register_kind("invitation", INVITATIONS)
    register_kind("session", LOG_INS)
    register_kind("setup_link", SETUP_LINKS)
