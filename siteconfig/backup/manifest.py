"""The manifest of a backup: a JSON file beside the copy of the database."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from siteconfig.backup.database import POSTGRESQL_NAME, SQLITE_NAME
from siteconfig.backup.errors import BackupError

NAME: Final = "manifest.json"
FORMAT: Final = 1
ROOT_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Facts about a backup.

    `site` is the site's id, `taken_at` a time in ISO 8601. `database` is the name of the file with
    the copy of the database. `roots` are the absolute folders on the host that was backed up, by
    the root's name. `rows` are the numbers of rows in the copy, by table. `migrations` are the
    applied ones, as "app.name".
    """

    site: str
    taken_at: str
    database: str
    roots: dict[str, str]
    rows: dict[str, int]
    migrations: list[str]
    format: int = FORMAT

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2, sort_keys=True).encode()


def read_manifest(text: bytes) -> Manifest:
    """Parses a manifest. Raises: BackupError if it is invalid or of an unknown format."""
    try:
        found: Any = json.loads(text)
        if found["format"] != FORMAT:
            raise BackupError(
                f"This backup has format {found['format']}, but this version of Clipset reads only "
                f"format {FORMAT}. Update Clipset, then restore again."
            )
        return _checked(Manifest(**found))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError("This backup's manifest can't be read. Use another backup.") from error


def _checked(manifest: Manifest) -> Manifest:
    """Returns the manifest after checking its names and paths, which decide what is moved where.

    Raises: ValueError, TypeError.
    """
    if manifest.database not in {SQLITE_NAME, POSTGRESQL_NAME}:
        raise ValueError(manifest.database)
    for name, folder in manifest.roots.items():
        parts = PurePosixPath(folder).parts
        if not ROOT_NAME.fullmatch(name) or parts[:1] != ("/",) or ".." in parts or len(parts) < 2:
            raise ValueError(folder)
    return manifest


def applied_migrations() -> list[str]:
    """Returns the migrations of the default database as "app.name", sorted."""
    return sorted(f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations)


def unknown_migrations(manifest: Manifest) -> list[str]:
    """Returns the migrations of a backup that this code does not have: the code is older."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    known |= {
        f"{app}.{old}"
        for migration in MigrationLoader(None).disk_migrations.values()
        for app, old in migration.replaces
    }
    return sorted(set(manifest.migrations) - known)
