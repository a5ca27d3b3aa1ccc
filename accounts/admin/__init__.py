"""Members and invitations in the admin."""

from accounts.admin.invitation import InvitationAdmin
from accounts.admin.member import UserAdmin

__all__ = ["InvitationAdmin", "UserAdmin"]
