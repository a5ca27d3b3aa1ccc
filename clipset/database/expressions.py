"""Database functions that SQLite and PostgreSQL name differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Func, IntegerField

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler


class OctetLength(Func):
    """The length of a text in bytes. Django's Length counts characters."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()
    arity = 1

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, list[Any]]:
        """A cast instead of OCTET_LENGTH, which only SQLite 3.43 and later have."""
        sql, params = self.as_sql(
            compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context
        )
        return sql, list(params)
