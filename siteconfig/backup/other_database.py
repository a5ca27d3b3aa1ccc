"""Opens the database of a backup beside the live one, to read rows from it."""

from __future__ import annotations

import copy
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from django.core.management import call_command
from django.db import connection, connections

from siteconfig.backup.database import (
    POSTGRESQL_NAME,
    create_database,
    drop_database,
    restore_dump,
)
from siteconfig.backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALIAS: Final = "backup"
# Characters of the site's database name that are used. PostgreSQL allows 63 bytes for a name.
MAX_NAME_LENGTH: Final = 48


@contextmanager
def opened_dump(dump: Path) -> Iterator[str]:
    """Yields the alias of a connection to a copy of the database, after migrating the copy.

    Only one copy can be open at a time: on PostgreSQL it is always loaded into a database of the
    same name beside the site's.

    Raises: BackupError if the copy is of another engine than the live database.
    """
    is_postgresql = dump.name == POSTGRESQL_NAME
    if is_postgresql != (connection.vendor == "postgresql"):
        raise BackupError(
            "This backup is from another kind of database than the site uses. Use a backup from "
            "the same kind."
        )
    name = _beside(str(connection.settings_dict["NAME"])) if is_postgresql else str(dump)
    if is_postgresql:
        drop_database(name)  # a restore that was killed has left it
        create_database(name)
    connections.databases[ALIAS] = copy.deepcopy(connection.settings_dict) | {"NAME": name}
    try:
        if is_postgresql:
            restore_dump(dump, database=name)
        call_command("migrate", database=ALIAS, interactive=False, verbosity=0)
        yield ALIAS
    finally:
        with suppress(KeyError, AttributeError):
            connections[ALIAS].close()
            del connections[ALIAS]
        connections.databases.pop(ALIAS, None)
        if is_postgresql:
            drop_database(name)


def _beside(name: str) -> str:
    """Returns the name of a PostgreSQL database that only this site uses on the server."""
    return f"{name[:MAX_NAME_LENGTH]}_restore"
