"""Command that removes the second factor of a member who lost it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services.second_factor import reset_second_factor


class Command(BaseCommand):
    help = (
        "Remove the authenticator apps, passkeys and recovery codes of a member, who can then "
        "log in with the password alone. For the only admin who is locked out: other "
        "members ask an admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the username, in any case")

    def handle(self, *_args: Any, name: str, **_options: Any) -> None:
        user = User.objects.named(name).first()
        if user is None:
            raise CommandError(f"There is no member called {name}.")
        if not reset_second_factor(user=user):
            raise CommandError(f"{user.username} has no second factor.")
        self.stdout.write(f"Second factor of {user.username} reset.")
