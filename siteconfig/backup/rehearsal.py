"""Rehearses a restore: restores a backup into a separate folder beside the live site."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone

from siteconfig.backup.database import POSTGRESQL_NAME, create_database, drop_database
from siteconfig.backup.errors import BackupError, NotInBackupError
from siteconfig.backup.restoring import manifest_of, settings_of
from siteconfig.places import SETTINGS

if TYPE_CHECKING:
    from siteconfig.backup.manifest import Manifest
    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot

# Settings that only one site may use, or that would reach people. The rehearsal does not get them.
DROPPED: Final = re.compile(
    r"(?:export )?(?:DATABASE_URL|REDIS_URL|EMAIL_URL|HOST|PORT|SITE_URL|ALLOWED_HOSTS|SEED|"
    r"CSRF_TRUSTED_ORIGINS|FORWARDED_ALLOW_IPS|MEDIA_ACCEL_PREFIX|READYZ_TOKEN|STORAGE_ROOTS|"
    r"[A-Z_]*_STORAGE_PATH|BACKUP_[A-Z_]*)\s*="
)
# Top-level names that are not code: created at a start, or belonging to the live site.
NOT_CODE: Final = frozenset(
    {"data", "media", "staticfiles", "node_modules", ".venv", ".git", ".env", "test-results"}
)
PASSED_ON: Final = ("PATH", "HOME", "LANG", "TMPDIR", "SSH_AUTH_SOCK")
END: Final = (
    "To look at it: cd '%(folder)s' && scripts/run. When you are done, remove the folder.\n"
)
END_WITH_DATABASE: Final = (
    "To look at it: cd '%(folder)s' && scripts/run. When you are done, remove the folder and the "
    "database: dropdb '%(database)s'.\n"
)


def rehearse(restic: Restic, snapshot: StoredSnapshot, *, folder: Path, port: int) -> str:
    """Restores a backup into a new folder with a copy of this code.

    The live site's files, database, Redis and mail are not used. Returns the output of the restore
    and what to remove afterwards.

    Raises: BackupError. Everything the rehearsal created has been removed then.
    """
    folder = folder.absolute()
    if folder.exists():
        raise BackupError(f"{folder} already exists. Choose a new folder for the rehearsal.")
    if folder.is_relative_to(settings.BASE_DIR):
        raise BackupError("Choose a folder outside the site's own folder for the rehearsal.")
    manifest = manifest_of(restic, snapshot)
    kept = _harmless_lines(_settings_or_nothing(restic, snapshot))
    database = ""
    try:
        shutil.copytree(settings.BASE_DIR, folder, ignore=_ignored, symlinks=True)
        (folder / "data").mkdir(mode=0o700)
        if manifest.database == POSTGRESQL_NAME:
            name = f"rehearsal_{timezone.now():%Y%m%d_%H%M%S}"
            kept.append(f"DATABASE_URL={create_database(name)}")
            database = name
        env_file = folder / ".env"
        env_file.touch(mode=0o600)
        env_file.write_text("\n".join([*kept, *_own_settings(manifest, port)]) + "\n")
        output = _restore_in(folder, snapshot)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if database:
            drop_database(database)
        raise
    sentence = END_WITH_DATABASE if database else END
    return output + sentence % {"folder": folder, "database": database}


def _settings_or_nothing(restic: Restic, snapshot: StoredSnapshot) -> str:
    try:
        return settings_of(restic, snapshot)
    except NotInBackupError:
        return ""  # the site took its settings from the environment


def _harmless_lines(env: str) -> list[str]:
    """Returns the lines of a .env without the settings that the rehearsal must not use."""
    return [line for line in env.splitlines() if not DROPPED.match(line)]


def _own_settings(manifest: Manifest, port: int) -> list[str]:
    """Returns the rehearsal's settings: reachable from this host only, and with its own storage.

    Without EMAIL_URL and REDIS_URL it sends no mail and has its task queue in its own database.
    """
    lines = ["", "# A rehearsal of a restore.", "HOST=127.0.0.1", f"PORT={port}", "SEED=none"]
    extra = [name for name in manifest.roots if name not in SETTINGS]
    if extra:
        lines.append("STORAGE_ROOTS=" + ",".join(f"{name}=media/{name}" for name in extra))
    return lines


def _restore_in(folder: Path, snapshot: StoredSnapshot) -> str:
    """Runs the restore in a process that has only the rehearsal's settings. Returns its output."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {
        "BACKUP_REPOSITORY": settings.BACKUP_REPOSITORY,
        "BACKUP_PASSWORD_FILE": str(Path(settings.BACKUP_PASSWORD_FILE).absolute()),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "restore", snapshot.id],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"The rehearsal failed. {done.stderr.strip()}")
    return done.stdout


def _ignored(folder: str, names: list[str]) -> set[str]:
    """Returns the names in a folder that are not copied because they are not code."""
    if Path(folder) != Path(settings.BASE_DIR):
        return {name for name in names if name == "__pycache__"}
    return set(names) & NOT_CODE
