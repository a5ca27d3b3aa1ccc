"""The database of a backup beside the live one, to read rows from it."""

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
MAX_NAME: Final = 48  # characters of the site's database; PostgreSQL keeps 63 bytes of a name


@contextmanager
def opened_dump(dump: Path) -> Iterator[str]:
    """The alias of a connection to a copy of the database, brought to this code's version.

    One at a time: on PostgreSQL the copy has a name of its own beside the site's database.
    Raises BackupError when it is of another engine than the live database.
    """
    is_postgresql = dump.name == POSTGRESQL_NAME
    if is_postgresql != (connection.vendor == "postgresql"):
        raise BackupError("This backup is of another kind of database than the site has now.")
    name = _beside(str(connection.settings_dict["NAME"])) if is_postgresql else str(dump)
    if is_postgresql:
        drop_database(name)  # of a restore that was killed
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
    """A PostgreSQL database that belongs to this site alone, among others on the same server."""
    return f"{name[:MAX_NAME]}_restore"
