"""Takes a backup of the whole site into the restic repository of BACKUP_REPOSITORY."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError

from clipset.lib.units import human_bytes, plural
from siteconfig.backup.errors import BackupError
from siteconfig.backup.progress import ProgressLine, progress_text
from siteconfig.backup.running import run_backup

if TYPE_CHECKING:
    from siteconfig.backup.restic import BackupProgress

STOPPED: Final = 130  # the exit code of what SIGINT ended


class Command(BaseCommand):
    help = "Takes a backup while the site runs: database, videos, thumbnails, settings."
    # A backup is wanted most when a setting is wrong.
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
                "The backup was stopped. The next one goes on from what it had stored.",
                returncode=STOPPED,
            ) from None
        finally:
            line.clear()
        self.stdout.write(
            f"Backup {run.snapshot_id[:8]}: {plural(run.files_total, 'file')}, "
            f"{human_bytes(run.bytes_total)}, {human_bytes(run.bytes_added)} of them new, "
            f"{time.monotonic() - since:.1f} s."
        )
