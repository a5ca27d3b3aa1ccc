"""Command that marks the folder of a storage root as this site's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from siteconfig.folders import why_not_for_files
from siteconfig.roots import (
    RootUnavailableError,
    read_marker,
    root_path,
    site_id,
    unavailable_roots,
    write_marker,
)
from siteconfig.services.audit import record
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from pathlib import Path


class Command(BaseCommand):
    help = (
        "Marks the folder of a storage root as this site's, so that files are written there. Check "
        "first that it is the right folder and that its disk is mounted. Without a name, lists the "
        "roots that are not available."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="The name of the root, such as videos or temp.")
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="Replace the marker of another site or of another root.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        current_config()  # creates the row with the site's id
        if options["name"] is None:
            self._list()
            return
        name: str = options["name"]
        try:
            folder = root_path(name)
        except RootUnavailableError as error:
            raise CommandError(f"There is no storage root '{name}'.") from error
        self._refuse_unfit(folder)
        if not options["take_over"]:
            _refuse_others(folder, name)
        try:
            with transaction.atomic():
                record("storage_root.mark", None, name=name, after={"folder": str(folder)})
                write_marker(name)
        except OSError as error:
            raise CommandError(f"Couldn't write to {folder}: {error.strerror}.") from error
        self.stdout.write(f"{folder} is now the storage root '{name}' of this site.")

    def _list(self) -> None:
        unavailable = unavailable_roots()
        for name, reason in unavailable.items():
            self.stdout.write(f"{name}: {reason}")
        if not unavailable:
            self.stdout.write("Every storage root is available.")

    def _refuse_unfit(self, folder: Path) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} does not exist. Mount its disk or create it first.")
        reason = why_not_for_files(folder)
        if reason:
            raise CommandError(f"{folder} can't be used for members' files: {reason}.")


def _refuse_others(folder: Path, name: str) -> None:
    try:
        marker = read_marker(folder)
    except (OSError, ValueError) as error:
        raise CommandError(
            f"The marker in {folder} can't be read. If the folder belongs to this site, run the "
            "command again with --take-over."
        ) from error
    if marker is None or marker == (site_id(), name):
        return
    owner = "another Clipset site" if marker[0] != site_id() else f"the storage root '{marker[1]}'"
    raise CommandError(
        f"{folder} belongs to {owner}. Two sites in one folder delete each other's files. If the "
        "folder is no longer used there, run the command again with --take-over."
    )
