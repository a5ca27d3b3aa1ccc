"""Restores a backup into this folder, which must hold an empty site that is stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

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

    from siteconfig.backup.restic import Restic, StoredSnapshot
    from siteconfig.backup.restoring import RestoreResult

MAX_PROBLEMS_SHOWN = 20


class Command(BaseCommand):
    help = "Restores a backup into this folder. scripts/restore brings the settings back first."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("snapshot", nargs="?", default="", help="As `backups` lists it.")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="Move what is here to data/replaced-<time>/ first. Nothing is deleted.",
        )

        parser.add_argument(
            "--settings-only",
            action="store_true",
            help="Only bring back .env, where there is none.",
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
            help="Bring one deleted video back into the live site, with its comments and views.",
        )
        parser.add_argument("--port", type=int, default=8001, help="Of the rehearsal.")

    def handle(self, *_args: Any, **options: Any) -> None:
        since = time.monotonic()
        line = ProgressLine(self.stdout)
        try:
            if options["settings_only"]:
                self._bring_settings(options["snapshot"])
                return
            if self._goes_on(options):
                self.stdout.write("Going on with the restore that was not finished.")
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
        """Whether the requested restore was started before in this folder and interrupted."""
        if options["rehearse"] or options["video"]:
            refuse_while_unfinished()
            return False
        unfinished = read_unfinished()
        return unfinished is not None and unfinished.snapshot.startswith(options["snapshot"])

    def _bring_settings(self, wanted: str) -> None:
        file = Path(settings.ENV_FILE)
        if file.exists():
            self.stdout.write(f"{file} is there already and stays as it is.")
            return
        restic = repository()
        snapshot = find_snapshot(restic, wanted or "latest")
        try:
            content = settings_of(restic, snapshot)
        except NotInBackupError:
            self.stdout.write("The backup has no .env: the site's settings were elsewhere.")
            return
        # Under another name first: a file that was cut off would stay as it is in the next run.
        part = file.with_name(f"{file.name}.part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(content)
        sync(part)
        part.replace(file)
        self.stdout.write(f"Settings restored to {file}.")

    def _bring_video(self, restic: Restic, snapshot: StoredSnapshot, short_id: str) -> None:
        said = restore_one(restic, snapshot, short_id)
        self.stdout.write(said)

    def _rehearse(self, restic: Restic, snapshot: StoredSnapshot, folder: Path, port: int) -> None:
        self.stdout.write(rehearse(restic, snapshot, folder=folder, port=port), ending="")

    def _report(self, result: RestoreResult, seconds: float) -> None:
        if result.aside is not None:
            self.stdout.write(f"The site that was here lies in {result.aside}.")
        if result.problems:
            shown = "\n".join(f"  {each}" for each in result.problems[:MAX_PROBLEMS_SHOWN])
            raise CommandError(
                f"Restored, but {len(result.problems)} things differ from the backup:\n{shown}"
            )
        self.stdout.write(
            f"Restored in {seconds:.1f} s. {result.rows} rows and {result.files} files are as "
            f"they were ({result.hashed} files compared by SHA-256)."
        )
