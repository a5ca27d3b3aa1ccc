"""Checks that the database has exactly the migrations of this code."""

from __future__ import annotations

from functools import cache
from typing import Final

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

Names = frozenset[tuple[str, str]]

# An unknown migration of these apps is one of a newer version of the site. Packages, in contrast,
# remove old migrations, whose names stay in the database.
OWN_APPS: Final = frozenset({"siteconfig", "accounts", "categories", "videos"})


class WrongMigrationsError(RuntimeError):
    """The code must not run with this database. The text says what to do.

    It is a RuntimeError because gunicorn shows the text of one and exits.
    """


@cache
def known_migrations() -> Names:
    """Returns app and name of every migration on the disk.

    They are read once, at the start of the process: a later `git pull` changes the files but not
    the running code.
    """
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def migration_problem(applied: Names | None = None) -> str:
    """Returns a sentence that says what is wrong and what to do, or "". One query.

    Raises: DatabaseError, also if the database has no tables.
    """
    if applied is None:
        rows = MigrationRecorder(connection).migration_qs.values_list("app", "name")
        applied = frozenset(rows)
    return _unknown(applied) or _missing(applied)


def refuse_wrong_migrations() -> None:
    """Checks the migrations before the site starts. Raises: WrongMigrationsError, DatabaseError."""
    if problem := migration_problem(_applied()):
        raise WrongMigrationsError(problem)


def refuse_newer_database() -> None:
    """Checks for unknown migrations before `migrate`, which adds missing ones but ignores those.

    Raises: WrongMigrationsError, DatabaseError.
    """
    if problem := _unknown(_applied()):
        raise WrongMigrationsError(problem)


def _applied() -> Names:
    """Returns the applied migrations; none for a new database."""
    return frozenset(MigrationRecorder(connection).applied_migrations())


def _unknown(applied: Names) -> str:
    unknown = sorted(it for it in applied - known_migrations() if it[0] in OWN_APPS)
    if not unknown:
        return ""
    return (
        "The database belongs to a newer version of Clipset: this code does not know "
        f"{_list(unknown)}. Start the newer version, or restore the backup that was made before "
        "the upgrade."
    )


def _missing(applied: Names) -> str:
    missing = sorted(known_migrations() - applied)
    if not missing:
        return ""
    return (
        f"The database belongs to an older version of Clipset: it does not have {_list(missing)}. "
        "Stop the site and start it with scripts/run, which brings the database up to date."
    )


def _list(names: list[tuple[str, str]]) -> str:
    """Returns the first three names and the number of the others as a text."""
    shown = ", ".join(f"{app}.{name}" for app, name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
