"""A copy of the database as it stands at one moment, and its way back into an empty one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from django.apps import apps
from django.db import DatabaseError, connection, transaction

from clipset.lib.durable import sync
from siteconfig.backup.restic import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SQLITE_NAME: Final = "clipset.db"
POSTGRESQL_NAME: Final = "clipset.pgdump"  # pg_dump's custom format


def dump_database(folder: Path) -> tuple[str, dict[str, int]]:
    """Writes a copy into the folder. Returns its file's name and the number of rows of each table
    in that very copy, whatever is written meanwhile. Never makes writers wait.

    Raises BackupError, and OSError when the disk is full.
    """
    if connection.vendor == "sqlite":
        return SQLITE_NAME, _dump_sqlite(folder / SQLITE_NAME)
    return POSTGRESQL_NAME, _dump_postgresql(folder / POSTGRESQL_NAME)


def load_database(dump: Path) -> None:
    """Puts a copy in the place of the default database, which has to be empty or missing.

    Raises BackupError when the copy is of another engine, damaged, or the place is taken.
    """
    if connection.vendor == "sqlite":
        _load_sqlite(dump)
    else:
        _load_postgresql(dump)


def is_empty_database() -> bool:
    """Whether no table of ours is there, or no member in it."""
    tables = connection.introspection.table_names()
    if "users" not in tables:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM users LIMIT 1")
        return cursor.fetchone() is None


def count_rows() -> dict[str, int]:
    """Rows of each table of the default database, by the table's name."""
    counts = {}
    with connection.cursor() as cursor:
        for table in _tables(connection.introspection.table_names()):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            counts[table] = cursor.fetchone()[0]
    return counts


def _tables(there: Iterable[str]) -> list[str]:
    """Those of our models and of many-to-many relations, sorted."""
    ours = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    return sorted(ours & set(there))


# -- SQLite ---------------------------------------------------------------------------------------


def _database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _dump_sqlite(target: Path) -> dict[str, int]:
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(_database_file(), timeout=20)) as source:
        # One read transaction: readers and writers go on, and there is no -wal beside the copy.
        source.execute("VACUUM INTO ?", (str(target),))
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as copy:
        names = [
            name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        counts = {
            table: copy.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0]  # noqa: S608
            for table in _tables(names)
        }
    sync(target)
    return counts


def _load_sqlite(dump: Path) -> None:
    if dump.name != SQLITE_NAME:
        raise BackupError(
            "This backup holds a PostgreSQL database. Set DATABASE_URL to an empty PostgreSQL "
            "database and restore again."
        )
    with closing(sqlite3.connect(f"file:{dump}?mode=ro", uri=True)) as copy:
        [(verdict,)] = copy.execute("PRAGMA integrity_check(1)")
    if verdict != "ok":
        raise BackupError(f"The database in this backup is damaged ({verdict}). Use another one.")
    target = _database_file()
    connection.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("-wal", "-shm"):
        # Of an empty database: left there they would be read into the restored one.
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(dump, part)
    sync(part)
    part.replace(target)
    sync(target.parent)


# -- PostgreSQL -----------------------------------------------------------------------------------


def _dump_postgresql(target: Path) -> dict[str, int]:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        # pg_dump and the counts see the same moment.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        _run_postgresql(
            *("pg_dump", "--format=custom", "--no-owner", "--no-acl"),
            *(f"--snapshot={snapshot}", f"--file={target}"),
        )
        counts = count_rows()
    sync(target)
    return counts


def create_database(name: str) -> str:
    """Creates an empty PostgreSQL database on the default one's server. Returns its DATABASE_URL.

    Raises BackupError when the role may not create databases.
    """
    parts = connection.settings_dict
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    except DatabaseError as error:
        raise BackupError(
            f"The database '{name}' could not be created: {error}. Give the site's PostgreSQL "
            "role the right CREATEDB, or create an empty database yourself and restore into it."
        ) from error
    user, password = (quote(str(parts[key]), safe="") for key in ("USER", "PASSWORD"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    if str(parts["HOST"]).startswith("/"):  # the folder of a socket, as django-environ reads it
        return f"postgres://{login}/{parts['HOST']}/{name}"
    port = f":{parts['PORT']}" if parts["PORT"] else ""
    return f"postgres://{login}{parts['HOST']}{port}/{name}"


def _drop_tables() -> None:
    """Of the default database, which was saved or is empty of members: what newer code added
    would otherwise stay beside the restored tables."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(table)} CASCADE")


def _load_postgresql(dump: Path) -> None:
    if dump.name != POSTGRESQL_NAME:
        raise BackupError(
            "This backup holds an SQLite database. Leave DATABASE_URL out and restore again."
        )
    _drop_tables()
    connection.close()
    restore_dump(dump, database=connection.settings_dict["NAME"])


def restore_dump(dump: Path, *, database: str) -> None:
    """Into a PostgreSQL database without tables. Raises BackupError."""
    _run_postgresql(
        *("pg_restore", "--no-owner", "--no-acl", "--clean", "--if-exists", "--exit-on-error"),
        *("--single-transaction", f"--dbname={database}", str(dump)),
    )


def drop_database(name: str) -> None:
    """A PostgreSQL database that `create_database` has created."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)}")


def _run_postgresql(*command: str) -> None:
    try:
        done = subprocess.run(
            command,
            env=_postgresql_environment(connection.settings_dict),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise BackupError(
            f"{command[0]} is not installed. Run: apt-get install postgresql-client"
        ) from error
    if done.returncode:
        detail = done.stderr.strip()
        last = detail.splitlines()[-1] if detail else "it gave no reason"
        raise BackupError(f"{command[0]} failed: {last}", detail=detail)


def _postgresql_environment(settings_dict: Mapping[str, Any]) -> dict[str, str]:
    """How to reach the database, for libpq. The password stays out of the command line."""
    wanted = {
        "PGHOST": settings_dict["HOST"],
        "PGPORT": settings_dict["PORT"],
        "PGUSER": settings_dict["USER"],
        "PGPASSWORD": settings_dict["PASSWORD"],
        "PGDATABASE": settings_dict["NAME"],
        "PGSSLMODE": settings_dict.get("OPTIONS", {}).get("sslmode", ""),
    }
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return environment | {name: str(value) for name, value in wanted.items() if value}
