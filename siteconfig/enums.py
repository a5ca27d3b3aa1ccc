"""Choices that code without tables needs, too."""

from __future__ import annotations

from django.db import models


class Source(models.TextChoices):
    """Where an act in the audit log came from."""

    SITE = "site", "Site"
    ADMIN = "admin", "Admin"
    COMMAND = "command", "Command"
