"""Invitations."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.member import MAX_EMAIL_LENGTH, Role, User
from accounts.querysets import InvitationQuerySet

ALREADY_A_MEMBER = "This person is already a member."
ADDRESS_IN_TRASH = "This address belongs to a member in the trash. Ask an admin to restore them."
INVITATION_USED = "This invitation has already been used. That person is a member now."
INVITATION_CLOSED = "This invitation has been used or has expired. Ask for a new one."


class Invitation(models.Model):
    """A permission for one person to register, once, until it expires.

    Only a hash of the token is stored.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail address", max_length=MAX_EMAIL_LENGTH)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=9, choices=Role, default=Role.USER)
    created_by = models.ForeignKey(
        User, models.CASCADE, related_name="invitations", db_column="created_by"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "invitations"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["email"], name="invitations_email"),
            models.Index(fields=["-created_at", "-id"], name="invitations_by_time"),
            models.Index(
                fields=["expires_at"], condition=Q(used_at=None), name="invitations_unused"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitations_role_known")
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_role_display()})"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def is_open(self) -> bool:
        return self.used_at is None and not self.is_expired
