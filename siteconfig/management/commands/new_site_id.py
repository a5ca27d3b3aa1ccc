"""Command that turns a copy of a site into a separate site."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from siteconfig.models import Config
from siteconfig.roots import (
    root_names,
    root_path,
    unavailable_roots,
    write_marker,
)
from siteconfig.services.audit import record
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "For a copy of a site, before its first start: gives it a new id and marks the storage "
        "roots inside the project's folder, which were copied with it. Roots outside still belong "
        "to the original: the copy neither writes nor removes anything there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--noinput",
            action="store_false",
            dest="interactive",
            help="Do not ask for confirmation.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        current_config()
        if options["interactive"] and not self._is_sure():
            raise CommandError("Nothing was changed.")
        unavailable = unavailable_roots()
        here = Path(settings.BASE_DIR).resolve()
        own = [
            name
            for name in root_names()
            if name not in unavailable and root_path(name).resolve().is_relative_to(here)
        ]
        with transaction.atomic():
            Config.objects.update(site_id=uuid.uuid4())
            record("config.site_id", current_config())
        for name in own:
            write_marker(name)
            self.stdout.write(f"{root_path(name)} now belongs to this site.")
        for name, reason in unavailable_roots().items():
            self.stdout.write(f"{name}: {reason}")

    def _is_sure(self) -> bool:
        self.stdout.write(
            "Use this only for a copy. With a new id, the original site can no longer use its "
            "storage roots outside the project's folder."
        )
        try:
            return input("Type yes to continue: ").strip().casefold() == "yes"
        except EOFError:
            return False
