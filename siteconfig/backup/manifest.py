"""What a backup says about itself: a JSON file beside the copy of the database."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from siteconfig.backup.restic import BackupError

NAME: Final = "manifest.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`roots` are the absolute folders on the host that was backed up, by the root's name.

    `rows` are the numbers of rows in the copy of the database, by table; `migrations` are those
    that were applied, as "app.name". `site` is the site's id, `taken_at` in ISO 8601.
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
    """Raises BackupError for what this version cannot read."""
    try:
        found: Any = json.loads(text)
        if found["format"] != FORMAT:
            raise BackupError(
                f"This backup has format {found['format']}, and this Clipset reads {FORMAT}. "
                "Update Clipset, then restore again."
            )
        return Manifest(**found)
    except (ValueError, TypeError, KeyError) as error:
        raise BackupError("This backup's manifest cannot be read. Use another backup.") from error


def applied_migrations() -> list[str]:
    """Of the default database, as "app.name", sorted."""
    return sorted(f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations)


def unknown_migrations(manifest: Manifest) -> list[str]:
    """Migrations of the backup that this code does not have: it is older than the backup."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    known |= {
        f"{app}.{old}"
        for migration in MigrationLoader(None).disk_migrations.values()
        for app, old in migration.replaces
    }
    return sorted(set(manifest.migrations) - known)
