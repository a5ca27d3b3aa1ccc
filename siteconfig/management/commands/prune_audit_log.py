"""Deletes old entries of the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from clipset.lib.units import plural
from siteconfig.actors import acting, command_actor
from siteconfig.models import MAX_DAYS
from siteconfig.services.audit_pruning import Pruned, entries_before, prune_audit_log
from siteconfig.services.config import current_config
from siteconfig.services.heartbeat import alive_before

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Deletes the entries of the audit log that are older than the configured number of days, "
        "and leaves an entry that says so. This can't be undone. Only days on which the site ran "
        "are counted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            metavar="DAYS",
            help="Delete entries older than this many days, instead of the configured number.",
        )
        parser.add_argument(
            "--yes",
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="Ask nothing.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["older_than"]
        if days is None:
            days = current_config().audit_log_days
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"Give a number of days from 1 to {MAX_DAYS:,}.")
        before = alive_before(days=days)
        found = entries_before(before)
        if not found.count:
            self.stdout.write(f"No entry is older than {plural(days, 'day')}.")
            return
        if options["interactive"] and not self._may_delete(found):
            raise CommandError("Nothing was deleted.")
        with acting(lambda: command_actor("prune_audit_log")):
            done = prune_audit_log(before=before, older_than_days=days)
        self.stdout.write(f"Deleted {_in_words(done)}.")

    def _may_delete(self, found: Pruned) -> bool:
        self.stdout.write(f"This deletes {_in_words(found)}. It can't be undone.")
        try:
            return input("Type yes to go on: ").strip().casefold() == "yes"
        except EOFError:
            return False


def _in_words(pruned: Pruned) -> str:
    entries = plural(pruned.count, "entry", "entries")
    return f"{entries} of the audit log, from {pruned.oldest:%Y-%m-%d} to {pruned.newest:%Y-%m-%d}"
