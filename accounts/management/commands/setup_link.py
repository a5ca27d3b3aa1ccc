"""Prints the link that makes the first admin."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Role, User
from accounts.services.invitations import setup_link


class Command(BaseCommand):
    help = "Prints a link that makes the first admin, for an hour. Nothing when there is one."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not User.objects.filter(role=Role.ADMIN).exists():
            self.stdout.write(setup_link())
