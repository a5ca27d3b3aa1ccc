"""Rebuilds the search index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from clipset.lib.units import plural
from videos.services.search_index import rebuild_search

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Rebuilds the search index. Safe to run while the site is up, and safe to interrupt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--missing",
            action="store_true",
            help="only videos that are missing or were indexed by an older version of Clipset",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        done = rebuild_search(missing_only=options["missing"])
        if options["verbosity"] > 0:
            self.stdout.write(f"Indexed: {plural(done, 'video')}.")
