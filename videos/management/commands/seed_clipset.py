"""Fills an empty site with sample data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from videos.sample_data.seed import SampleDataError, refuse_unless_empty, seed_sample_data

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

WARNING = (
    "This deletes all members, categories, videos and files, invitations, uploads and sessions "
    "of this site, and resets its configuration. It can't be undone."
)


class Command(BaseCommand):
    help = (
        "Fills an empty site with four members, six categories and twenty videos, of which nine "
        "play. The same arguments give the same data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset", action="store_true", help="Remove everything that is here first."
        )
        parser.add_argument(
            "--source",
            type=Path,
            metavar="FILE",
            help="The clip that all videos show. Without it, ten different ones are made.",
        )
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="Ask nothing. Needed for --reset where DEBUG is off.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        reset = bool(options["reset"])
        loud = options["verbosity"] >= 1
        try:
            if not reset:
                refuse_unless_empty()
            elif not self._may_reset(interactive=options["interactive"]):
                raise CommandError("Nothing was changed.")
            say = self.stdout.write if loud else lambda _: None
            seed_sample_data(source=options["source"], reset=reset, say=say)
        except SampleDataError as error:
            raise CommandError(str(error)) from error
        if loud:
            self.stdout.write(
                "4 members, 6 categories and 20 videos. "
                + (
                    f"Others can reach this site ({', '.join(settings.EXPOSED_BY)}), so that these "
                    "members can't log in, and it won't start again until "
                    "manage.py remove_samples --all has removed them."
                    if settings.EXPOSED_BY
                    else "Log in as admin with admin123, or as alice, bob or charlie with "
                    "password123."
                )
            )

    def _may_reset(self, *, interactive: bool) -> bool:
        if not interactive:
            return True
        if not settings.DEBUG:
            raise CommandError(
                "DEBUG is off, so this may be a site that people use: --reset needs --noinput as "
                "well here."
            )
        self.stdout.write(self.style.WARNING(WARNING))
        try:
            return input("Type yes to go on: ").strip().casefold() == "yes"
        except EOFError:
            return False
