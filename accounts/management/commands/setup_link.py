"""Command that prints the link for creating the first admin."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import User
from accounts.services.invitations import setup_link


class Command(BaseCommand):
    help = (
        "Print a link for creating the first admin. It works for one hour. Prints nothing if the "
        "site has an admin who can log in."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not User.objects.admins().exists():
            self.stdout.write(setup_link())
