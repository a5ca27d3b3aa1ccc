"""Command that lists the backups in the repository."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from siteconfig.backup.errors import BackupError
from siteconfig.backup.restoring import staging_of
from siteconfig.backup.running import repository


class Command(BaseCommand):
    help = "Lists the backups in BACKUP_REPOSITORY, oldest first."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            found = [each for each in repository().snapshots() if staging_of(each)]
        except BackupError as error:
            raise CommandError(str(error)) from error
        for snapshot in found:
            time = snapshot.time.astimezone()
            self.stdout.write(f"{snapshot.short_id}  {time:%Y-%m-%d %H:%M:%S %Z}")
        if not found:
            self.stdout.write("There is no backup in this repository yet.")
