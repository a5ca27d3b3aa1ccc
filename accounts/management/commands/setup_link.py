"""Prints the link that makes the first admin."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import User
from accounts.services.invitations import setup_link


class Command(BaseCommand):
    help = (
        "Prints a link that makes the first admin, for an hour. Nothing when an admin can log in."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not User.objects.admins().exists():
            self.stdout.write(setup_link())
