"""What a member has set up for the second step of the log-in."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from accounts.models.member import User

MAX_FACTOR_NAME_LENGTH = 50


class AuthenticatorApp(models.Model):
    """An app that computes codes from a shared secret and the time (TOTP, RFC 6238)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="authenticator_apps")
    name = models.CharField(max_length=MAX_FACTOR_NAME_LENGTH)
    secret = models.CharField(max_length=64, help_text="In Base32. No page shows it again.")
    last_step = models.BigIntegerField(
        help_text="The time step of the last code that was used. It and earlier ones are refused."
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "authenticator_apps"
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.name


class Passkey(models.Model):
    """A public key whose private key a device or a password manager keeps (WebAuthn)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=MAX_FACTOR_NAME_LENGTH)
    host = models.CharField(
        max_length=253, help_text="The name of the site for which browsers offer it (RP ID)."
    )
    # At most 1023 bytes (WebAuthn, section 4, "Credential ID"), in base64url.
    credential_id = models.CharField(max_length=1364, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "passkeys"
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code for a member who lost the rest. Only a hash of it is stored."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recovery_codes"
        constraints = [
            models.UniqueConstraint(fields=["user", "hash"], name="recovery_codes_once"),
        ]

    def __str__(self) -> str:
        return "used" if self.used_at else "unused"
