"""Database steps of scripts/upgrade.

upgrade_database.py check               prints its size in bytes, then its migrations, one per line
upgrade_database.py dump FOLDER         copies it to a new folder, which exists only when complete
upgrade_database.py back FOLDER FAILED  restores the copy, and keeps the current database in a new
                                        folder FAILED, FAILED-2, …
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from django.db import DatabaseError, connection

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = ("", "-wal", "-shm")


def check() -> None:
    """Prints size and migrations. Exits with a sentence if the migrations do not fit this code."""
    from django.db.migrations.recorder import MigrationRecorder

    from siteconfig.schema import OWN_APPS, WrongMigrationsError, refuse_wrong_migrations

    try:
        refuse_wrong_migrations()
    except WrongMigrationsError as error:
        sys.exit(str(error))
    print(size_in_bytes())
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        if app in OWN_APPS:
            print(f"{app}/migrations/{name}.py")


def size_in_bytes() -> int:
    if connection.vendor == "sqlite":
        return sum(file.stat().st_size for file in database_files())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size: int = cursor.fetchone()[0]
        return size


def database_files() -> list[Path]:
    """The existing files of SQLite's database."""
    name = connection.settings_dict["NAME"]
    return [file for suffix in SUFFIXES if (file := Path(f"{name}{suffix}")).exists()]


def dump(folder: Path) -> None:
    from clipset.lib.durable import sync
    from siteconfig.backup.database import dump_database

    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    dump_database(part)
    sync(part)
    part.rename(folder)
    sync(folder.parent)


def back(folder: Path, failed: Path) -> None:
    """Restores the copy in `folder`. May be interrupted at any point and run again."""
    from siteconfig.backup.database import load_database

    [copy] = folder.iterdir()
    keep(unused(failed))
    load_database(copy)


def unused(failed: Path) -> Path:
    """The first of FAILED, FAILED-2, … that does not exist."""
    number = 1
    while (folder := failed if number == 1 else Path(f"{failed}-{number}")).exists():
        number += 1
    return folder


def keep(failed: Path) -> None:
    """Keeps the database of the failed upgrade for inspection. It has no new data of members."""
    from siteconfig.backup.database import dump_database
    from siteconfig.backup.errors import BackupError

    failed.mkdir()
    if connection.vendor == "sqlite":
        files = database_files()
        connection.close()
        # The main file last: SQLite ignores a -wal file without it.
        for file in reversed(files):
            shutil.move(file, failed / file.name)
        return
    try:
        dump_database(failed)
    except (BackupError, OSError) as error:
        print(f"The database of the failed upgrade was not kept: {error}")


def main(action: str, *folders: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clipset.settings")
    import django

    from siteconfig.backup.errors import BackupError

    os.umask(0o077)
    django.setup()
    try:
        if action == "check":
            check()
        elif action == "dump":
            dump(*map(Path, folders))
        elif action == "back":
            back(*map(Path, folders))
    except BackupError as error:
        sys.exit(str(error))
    except DatabaseError as error:
        sys.exit(f"The database can't be used: {error}")
    except OSError as error:
        sys.exit(f"The database can't be copied: {error}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(*sys.argv[1:])
