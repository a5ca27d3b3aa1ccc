"""Changes to an account that do not count yet: another e-mail address, and its deletion."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models.member import MAX_EMAIL_LENGTH, User


class EmailChange(models.Model):
    """An e-mail address that a member wants to have, until they open the link sent to it.

    A worker makes the link, since the arguments of its tasks are stored: `token_hash` is None until
    the mail is sent. `password_mark` changes with the member's password, which ends the link.
    """

    member = models.OneToOneField(
        User, models.CASCADE, primary_key=True, related_name="email_change"
    )
    email = models.EmailField(max_length=MAX_EMAIL_LENGTH)
    # Several rows may have none, while "" would be unique
    token_hash = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001
    password_mark = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "email_changes"

    def __str__(self) -> str:
        return f"of {self.member_id}"


class Leaving(models.Model):
    """A member's wish to have their account deleted. They can take it back until it is."""

    member = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="leaving")
    requested_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "leavings"

    def __str__(self) -> str:
        return f"of {self.member_id}"
