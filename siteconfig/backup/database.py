"""Copies the database as it is at one moment, and loads such a copy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from django.apps import apps
from django.db import DatabaseError, connection, transaction

from clipset.lib.durable import sync
from siteconfig.backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SQLITE_NAME: Final = "clipset.db"
POSTGRESQL_NAME: Final = "clipset.pgdump"  # pg_dump's custom format
MAX_LEAVING_SECONDS: Final = 3.0


def dump_database(folder: Path) -> tuple[str, dict[str, int]]:
    """Writes a copy of the database into a folder, without blocking writers.

    Returns the name of the copy's file, and the number of rows of each table in this copy.

    Raises:
        BackupError: if the copy cannot be made.
        OSError: if the disk is full.
    """
    if connection.vendor == "sqlite":
        return SQLITE_NAME, _dump_sqlite(folder / SQLITE_NAME)
    return POSTGRESQL_NAME, _dump_postgresql(folder / POSTGRESQL_NAME)


def load_database(dump: Path) -> None:
    """Replaces the default database with a copy. The caller has saved the old one, if any.

    May be interrupted at any point and run again.

    Raises: BackupError if the copy is of another engine or damaged.
    """
    check_dump(dump)
    if connection.vendor == "sqlite":
        _load_sqlite(dump)
    else:
        _load_postgresql(dump)


def check_dump(dump: Path) -> None:
    """Checks a copy before it replaces anything.

    Raises: BackupError if the copy is of another engine, damaged, or not readable by the programs
    of this host.
    """
    if connection.vendor == "sqlite":
        if dump.name != SQLITE_NAME:
            raise BackupError(
                "This backup has a PostgreSQL database. Set DATABASE_URL to an empty PostgreSQL "
                "database, then restore again."
            )
        with closing(sqlite3.connect(f"file:{dump}?mode=ro", uri=True)) as copy:
            [(verdict,)] = copy.execute("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise BackupError(
                f"The database in this backup is damaged ({verdict}). Use another backup."
            )
        return
    if dump.name != POSTGRESQL_NAME:
        raise BackupError(
            "This backup has an SQLite database. Remove DATABASE_URL, then restore again."
        )
    _run_postgresql("pg_restore", "--list", str(dump))


def copy_aside(folder: Path) -> None:
    """Writes a copy of a PostgreSQL database that is about to be replaced.

    An SQLite database is a file, which `move_database_aside` moves.

    Raises: BackupError.
    """
    if connection.vendor != "sqlite":
        dump_database(folder)


def move_database_aside(folder: Path) -> None:
    """Moves the files of an SQLite database, if there are any. May be interrupted and run again."""
    if connection.vendor != "sqlite" or not _database_file().exists():
        return
    with suppress(DatabaseError), connection.cursor() as cursor:
        # Otherwise a database that is moved without its -wal would lack the latest writes.
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    number = 1
    # If an interrupted run has already moved a database, that one is the site's. A database that
    # was created since gets a number.
    while (folder / (name := SQLITE_NAME if number == 1 else f"{number}-{SQLITE_NAME}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        file = _database_file().with_name(_database_file().name + suffix)
        if file.exists():
            shutil.move(file, folder / f"{name}{suffix}")
    sync(folder)


def is_left_alone() -> bool:
    """Returns whether no other process is connected to the default database.

    Waits up to MAX_LEAVING_SECONDS for processes that were just stopped. Always true for SQLite,
    which does not know its connections.
    """
    if connection.vendor == "sqlite":
        return True
    deadline = time.monotonic() + MAX_LEAVING_SECONDS
    while _other_connections():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _other_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def is_empty_database() -> bool:
    """Returns whether the database has no table of members, or no member."""
    tables = connection.introspection.table_names()
    if "users" not in tables:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM users LIMIT 1")
        return cursor.fetchone() is None


def count_rows() -> dict[str, int]:
    """Returns the number of rows of each table of the default database, by the table's name."""
    counts = {}
    with connection.cursor() as cursor:
        for table in _tables(connection.introspection.table_names()):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            counts[table] = cursor.fetchone()[0]
    return counts


def _tables(existing: Iterable[str]) -> list[str]:
    """Returns the existing tables of Django models and many-to-many relations, sorted."""
    of_models = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    return sorted(of_models & set(existing))


# -- SQLite ---------------------------------------------------------------------------------------


def _database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _dump_sqlite(target: Path) -> dict[str, int]:
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(_database_file(), timeout=20)) as source:
        # One read transaction: it blocks no readers or writers, and the copy has no -wal file.
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
    target = _database_file()
    connection.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("-wal", "-shm"):
        # Files of the old, empty database. SQLite would apply them to the restored one.
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

    Raises: BackupError if the role may not create databases.
    """
    parts = connection.settings_dict
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    except DatabaseError as error:
        raise BackupError(
            f"The database '{name}' couldn't be created: {error}. Grant the site's PostgreSQL "
            "role CREATEDB, or create an empty database yourself and restore into it."
        ) from error
    user, password = (quote(str(parts[key]), safe="") for key in ("USER", "PASSWORD"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    if str(parts["HOST"]).startswith("/"):  # the folder of a socket, as django-environ reads it
        return f"postgres://{login}/{parts['HOST']}/{name}"
    port = f":{parts['PORT']}" if parts["PORT"] else ""
    return f"postgres://{login}{parts['HOST']}{port}/{name}"


def _load_postgresql(dump: Path) -> None:
    """Replaces the tables in one transaction, so that the old ones stay if it fails."""
    # All tables are dropped, including those that newer code has added.
    quote = connection.ops.quote_name
    tables = connection.introspection.table_names()
    drops = "".join(f"DROP TABLE IF EXISTS {quote(table)} CASCADE;\n" for table in tables)
    connection.close()
    restore_dump(dump, database=connection.settings_dict["NAME"], first=drops)


def restore_dump(dump: Path, *, database: str, first: str = "") -> None:
    """Loads a copy into a PostgreSQL database, in one transaction.

    Args:
        first: SQL statements to run before, which drop the tables of the database.

    Raises: BackupError.
    """
    script = dump.with_name("restore.sql")
    options = ("--no-owner", "--no-acl", "--clean", "--if-exists")
    try:
        _run_postgresql("pg_restore", *options, f"--file={script}", str(dump))
        _run_postgresql(
            *("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"),
            *(f"--dbname={database}", f"--command={first or 'SELECT 1'}", f"--file={script}"),
        )
    finally:
        script.unlink(missing_ok=True)


def drop_database(name: str) -> None:
    """Drops a PostgreSQL database that `create_database` has created."""
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
        last = detail.splitlines()[-1] if detail else "it printed no reason"
        raise BackupError(f"{command[0]} failed: {last}", detail=detail)


def _postgresql_environment(settings_dict: Mapping[str, Any]) -> dict[str, str]:
    """Returns libpq's environment variables, so that the password is not on the command line."""
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
