"""Who sees which invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet

if TYPE_CHECKING:
    from accounts.models import Invitation, User  # noqa: F401 named in the base class's type


class InvitationQuerySet(QuerySet["Invitation"]):
    def visible_to(self, user: User) -> InvitationQuerySet:
        """Returns all invitations for an admin, and their own for anybody else.

        An invitation holds an e-mail address, which only admins and the inviter may see. The page
        with a new link shows the address too, so nobody else may renew an invitation.
        """
        return self if user.is_admin else self.filter(created_by=user)
