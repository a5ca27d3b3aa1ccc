"""Moves a set-aside file back, or lists set-aside files."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clipset.lib.text import printable
from clipset.lib.units import human_bytes
from videos.services.set_aside import SetAsideError, all_set_aside, restore_set_aside


class Command(BaseCommand):
    help = "Moves a set-aside file back to where it was. Without a name, lists all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="The file's name, or date/root/name as listed.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["name"] is None:
            for one in all_set_aside():
                line = f"{one.name}  {human_bytes(one.size_bytes)}  {one.why}"
                self.stdout.write(printable(line))
            return
        try:
            place = restore_set_aside(name=options["name"])
        except SetAsideError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored: {place}")
