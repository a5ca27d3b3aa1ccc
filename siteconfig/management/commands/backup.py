"""Takes a backup of the whole site into the restic repository of BACKUP_REPOSITORY."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from clipset.lib.units import human_bytes
from siteconfig.backup.progress import progress_line
from siteconfig.backup.restic import BackupError
from siteconfig.backup.running import run_backup

if TYPE_CHECKING:
    from siteconfig.backup.restic import BackupProgress


class Command(BaseCommand):
    help = "Takes a backup while the site runs: database, videos, thumbnails, settings."
    # A backup is wanted most when a setting is wrong.
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        since = time.monotonic()
        try:
            run = run_backup(on_progress=self._show)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Backup {run.snapshot_id[:8]}: {run.files_total} files, "
            f"{human_bytes(run.bytes_total)}, {human_bytes(run.bytes_added)} of them new, "
            f"{time.monotonic() - since:.1f} s."
        )

    def _show(self, progress: BackupProgress) -> None:
        if sys.stdout.isatty():
            line = progress_line(progress.bytes_done, progress.bytes_total, progress.seconds_left)
            self.stdout.write(line, ending="\r")
