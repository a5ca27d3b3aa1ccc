"""Command that backs up the whole site to the restic repository BACKUP_REPOSITORY."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError

from clipset.lib.units import human_bytes, plural
from siteconfig.backup.errors import BackupError
from siteconfig.backup.progress import ProgressLine, progress_text
from siteconfig.backup.running import run_backup

if TYPE_CHECKING:
    from siteconfig.backup.restic_output import BackupProgress

STOPPED: Final = 130  # the exit code of a process that SIGINT ended


class Command(BaseCommand):
    help = "Backs up the database, all stored files and .env while the site runs."
    # A wrong setting must not prevent a backup.
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        since = time.monotonic()
        line = ProgressLine(self.stdout)

        def show(progress: BackupProgress) -> None:
            text = progress_text(progress.bytes_done, progress.bytes_total, progress.seconds_left)
            line.show(text)

        try:
            run = run_backup(on_progress=show, on_step=lambda step: line.show(f"{step.label}..."))
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(
                "The backup was stopped. The next one continues from what it had stored.",
                returncode=STOPPED,
            ) from None
        finally:
            line.clear()
        self.stdout.write(
            f"Backup {run.snapshot_id[:8]}: {plural(run.files_total, 'file')}, "
            f"{human_bytes(run.bytes_total)}, {human_bytes(run.bytes_added)} of it new, "
            f"{time.monotonic() - since:.1f} s."
        )
