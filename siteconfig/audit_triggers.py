"""Triggers by which the database itself refuses to change or delete entries of the audit log.

They are created after each `migrate`: a migration that rebuilds the table (SQLite does so for most
changes) drops them with the old one. On SQLite a trigger on INSERT is needed as well, because
INSERT OR REPLACE deletes the old row without a DELETE trigger, unless `recursive_triggers` is on,
which each connection decides for itself. It looks at both unique columns.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE: Final = "audit_entries"
REFUSAL: Final = "the audit log is append-only"

_RAISE: Final = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
_SQLITE: Final = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} {_RAISE}",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE} {_RAISE}",
    (
        f"CREATE TRIGGER audit_no_replace BEFORE INSERT ON {TABLE}"  # noqa: S608 no input
        f" WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)"
        f" OR EXISTS (SELECT 1 FROM {TABLE} WHERE undoes = NEW.undoes) {_RAISE}"
    ),
)
_POSTGRESQL: Final = (
    (
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    ),
    (
        f"CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    ),
    # Also in sessions that turn ordinary triggers off (session_replication_role).
    f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER audit_no_change",
)
_DROP: Final = {
    "sqlite": tuple(
        f"DROP TRIGGER IF EXISTS audit_no_{name}" for name in ("update", "delete", "replace")
    ),
    "postgresql": (f"DROP TRIGGER IF EXISTS audit_no_change ON {TABLE}",),
}
_CREATE: Final = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def drop_statements(vendor: str) -> list[str]:
    return [*_DROP[vendor]]


def create_statements(vendor: str) -> list[str]:
    """Returns statements that replace triggers which exist."""
    return [*_DROP[vendor], *_CREATE[vendor]]


def are_in_place(connection: BaseDatabaseWrapper) -> bool:
    """Returns whether the database has all triggers. One query."""
    if connection.vendor == "sqlite":
        wanted = set(_SQLITE)  # as they are now, not as an older version created them
        query = f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{TABLE}'"  # noqa: S608 no input
    else:
        wanted = {"audit_no_change"}
        query = (
            "SELECT tgname FROM pg_trigger"  # noqa: S608 no input
            f" WHERE tgrelid = to_regclass('{TABLE}') AND tgenabled = 'A'"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return wanted <= {name for (name,) in cursor.fetchall()}


def create_triggers(using: str = "default", **_kwargs: Any) -> None:
    """Receiver of `post_migrate`: creates the triggers if any is missing."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names() or are_in_place(connection):
        return
    _run(create_statements(connection.vendor), using)


@contextmanager
def without_triggers(using: str = "default") -> Iterator[None]:
    """Context manager for pruning: a transaction in which the log can be changed.

    Both databases change triggers within the transaction, so that a crash leaves them in place. On
    PostgreSQL other writers of the log wait until it ends.
    """
    vendor = connections[using].vendor
    with transaction.atomic(using=using):
        _run(drop_statements(vendor), using)
        yield
        _run(create_statements(vendor), using)


def _run(statements: list[str], using: str) -> None:
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
