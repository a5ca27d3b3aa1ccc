"""Deletes set-aside files for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clipset.lib.units import human_bytes, plural
from videos.services.set_aside import prune_set_aside, set_aside_size

MAX_DAYS: Final = 36_500


class Command(BaseCommand):
    help = (
        "Deletes the files that the sweeps set aside because no row names them. "
        "This can't be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=0,
            metavar="DAYS",
            help="Delete only files that were set aside at least this many days ago.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 0 <= options["older_than"] <= MAX_DAYS:
            raise CommandError(f"Give a number of days from 0 to {MAX_DAYS:,}.")
        try:
            count, size = prune_set_aside(older_than=timedelta(days=options["older_than"]))
        except OSError as error:
            raise CommandError(f"Not everything could be deleted: {error}") from error
        left, _ = set_aside_size()
        self.stdout.write(
            f"Deleted {plural(count, 'file')} ({human_bytes(size)}); {left} still set aside."
        )
