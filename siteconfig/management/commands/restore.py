"""Command that restores a backup into this folder, whose site must be empty and stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import ngettext

from clipset.lib.durable import sync
from siteconfig.backup.errors import BackupError, NotInBackupError
from siteconfig.backup.expected import restore_one
from siteconfig.backup.progress import ProgressLine, progress_text
from siteconfig.backup.rehearsal import rehearse
from siteconfig.backup.restoring import (
    find_snapshot,
    finish_restore,
    restore_site,
    settings_of,
)
from siteconfig.backup.running import repository
from siteconfig.backup.unfinished import read_unfinished, refuse_while_unfinished

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot
    from siteconfig.backup.restoring import RestoreResult

MAX_PROBLEMS_SHOWN = 20


class Command(BaseCommand):
    help = "Restores a backup into this folder. Use scripts/restore, which also restores .env."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "snapshot",
            nargs="?",
            default="",
            help="The id of the backup, as `backups` lists it. Without it, the newest.",
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="Move the present site to data/replaced-<time>/ first. Nothing is deleted.",
        )
        parser.add_argument(
            "--settings-only",
            action="store_true",
            help="Restore only .env, if there is none.",
        )
        parser.add_argument(
            "--rehearse",
            metavar="FOLDER",
            type=Path,
            help="Restore into a new folder beside the live site, with its own database, queue, "
            "storage and port, and no mail.",
        )
        parser.add_argument(
            "--video",
            metavar="SHORT_ID",
            help="Restore one deleted video to the live site, with its comments and views.",
        )
        parser.add_argument(
            "--port", type=int, default=8001, help="The port of the rehearsal. Default: 8001."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        since = time.monotonic()
        line = ProgressLine(self.stdout)
        try:
            if options["settings_only"]:
                self._bring_settings(options["snapshot"])
                return
            if self._goes_on(options):
                self.stdout.write("Continuing the unfinished restore.")
                self._report(finish_restore(), time.monotonic() - since)
                return
            restic = repository()
            snapshot = find_snapshot(restic, options["snapshot"] or "latest")
            if options["video"]:
                self._bring_video(restic, snapshot, options["video"])
                return
            if options["rehearse"]:
                self._rehearse(restic, snapshot, options["rehearse"], options["port"])
                return
            self.stdout.write(
                f"Restoring backup {snapshot.short_id} of {snapshot.time.astimezone():%c}."
            )
            result = restore_site(
                restic,
                snapshot,
                replace=options["replace"],
                on_progress=lambda done, total: line.show(progress_text(done, total)),
            )
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        finally:
            line.clear()
        self._report(result, time.monotonic() - since)

    def _goes_on(self, options: dict[str, Any]) -> bool:
        """Returns whether the requested restore was started in this folder and interrupted."""
        if options["rehearse"] or options["video"]:
            refuse_while_unfinished()
            return False
        unfinished = read_unfinished()
        return unfinished is not None and unfinished.snapshot.startswith(options["snapshot"])

    def _bring_settings(self, wanted: str) -> None:
        file = Path(settings.ENV_FILE)
        if file.exists():
            self.stdout.write(f"{file} already exists and is not changed.")
            return
        restic = repository()
        snapshot = find_snapshot(restic, wanted or "latest")
        try:
            content = settings_of(restic, snapshot)
        except NotInBackupError:
            self.stdout.write(
                "The backup has no .env: the site took its settings from the environment."
            )
            return
        # Written under another name first: the next run would not replace an incomplete .env.
        part = file.with_name(f"{file.name}.part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(content)
        sync(part)
        part.replace(file)
        self.stdout.write(f"Settings restored to {file}.")

    def _bring_video(self, restic: Restic, snapshot: StoredSnapshot, short_id: str) -> None:
        self.stdout.write(restore_one(restic, snapshot, short_id))

    def _rehearse(self, restic: Restic, snapshot: StoredSnapshot, folder: Path, port: int) -> None:
        self.stdout.write(rehearse(restic, snapshot, folder=folder, port=port), ending="")

    def _report(self, result: RestoreResult, seconds: float) -> None:
        if result.aside is not None:
            self.stdout.write(f"The site that was here before is now in {result.aside}.")
        if result.problems:
            count = len(result.problems)
            sentence = ngettext(
                "Restored, but %(count)d thing differs from the backup:",
                "Restored, but %(count)d things differ from the backup:",
                count,
            )
            shown = "\n".join(f"  {each}" for each in result.problems[:MAX_PROBLEMS_SHOWN])
            raise CommandError(f"{sentence % {'count': count}}\n{shown}")
        self.stdout.write(
            f"Restored in {seconds:.1f} s. Everything matches the backup. Rows: {result.rows}. "
            f"Files: {result.files}. Files compared by SHA-256: {result.hashed}."
        )
