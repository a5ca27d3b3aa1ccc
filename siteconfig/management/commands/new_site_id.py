"""Makes a copy of a site a site of its own."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from siteconfig.models import Config
from siteconfig.roots import (
    root_names,
    root_path,
    unavailable_roots,
    write_marker,
)
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "For a copy of a site, before it starts: gives it an id of its own and marks the storage "
        "roots below the project's folder, which were copied along. Roots outside stay the "
        "original's: the copy neither writes nor removes anything there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--noinput", action="store_false", dest="interactive", help="Ask nothing."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        current_config()
        if options["interactive"] and not self._is_sure():
            raise CommandError("Nothing was changed.")
        away = unavailable_roots()
        here = Path(settings.BASE_DIR).resolve()
        own = [
            name
            for name in root_names()
            if name not in away and root_path(name).resolve().is_relative_to(here)
        ]
        Config.objects.update(site_id=uuid.uuid4())
        for name in own:
            write_marker(name)
            self.stdout.write(f"{root_path(name)} is this site's now.")
        for name, reason in unavailable_roots().items():
            self.stdout.write(f"{name}: {reason}")

    def _is_sure(self) -> bool:
        self.stdout.write("Only for a copy: the site's own disks outside would refuse it after.")
        try:
            return input("Type yes to go on: ").strip().casefold() == "yes"
        except EOFError:
            return False
