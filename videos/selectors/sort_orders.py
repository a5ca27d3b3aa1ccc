"""The orders in which lists of videos can be sorted, and how pages of such lists follow each other.

A row's position is the value of the column and the id. A page starts after the position of the
last row before it, which addresses carry as a cursor (clipset.lib.keyset).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateTimeField,
    F,
    Field,
    Func,
    Model,
    UUIDField,
    Value,
)
from django.db.models.lookups import LessThan

from clipset.lib.keyset import parse_cursor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clipset.lib.keyset import Cursor

Position: TypeAlias = tuple[Any, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorValue:
    """How a cursor holds the values of a column.

    Attributes:
        stored: the type of the value in the cursor.
        field: the type by which the database compares the value with the column.
        write: turns the column's value into the one in the cursor.
        read: turns it back. Raises: ValueError or OverflowError for what `write` does not return.
    """

    stored: type[int] | type[str]
    field: Field[Any, Any]
    write: Callable[[Any], int | str]
    read: Callable[[Any], Any]


def _read_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment.astimezone(UTC)  # OverflowError outside the years 1 to 9999


COUNT: Final = CursorValue(stored=int, field=BigIntegerField(), write=int, read=int)
TIME: Final = CursorValue(
    stored=str, field=DateTimeField(), write=datetime.isoformat, read=_read_time
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descending:
    """Rows by a column that is never NULL, the highest value first, then by id."""

    column: str
    value: CursorValue

    @property
    def order_by(self) -> tuple[str, str]:
        return f"-{self.column}", "-pk"

    def cursor(self, row: Model) -> Cursor:
        """The cursor of the page after this row."""
        return self.value.write(getattr(row, self.column)), row.pk.hex

    def position(self, after: str) -> Position | None:
        """The position that a cursor holds; None, for a missing or wrong one, means the first
        page.
        """
        values = parse_cursor(after, self.value.stored, str)
        try:
            return None if values is None else (self.value.read(values[0]), UUID(values[1]))
        except (ValueError, OverflowError):
            return None

    def behind(self, position: Position) -> LessThan[Any]:
        """The condition (column, id) < position, as one comparison of rows that an index answers.

        With an OR instead, all rows of an equal value would be read, and most videos have few
        views. Django's own tuple comparison becomes an OR on SQLite.
        """
        ends = (
            Value(position[0], output_field=self.value.field),
            Value(position[1], output_field=UUIDField()),
        )
        row, end = (
            Func(*pair, template="(%(expressions)s)", output_field=BooleanField())
            for pair in ((F(self.column), F("id")), ends)
        )
        return LessThan(row, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOrder(Descending):
    """A sort order that pages offer, with the text of its link."""

    label: str


# By the value of `?sort=`. The first is the default, which addresses leave out.
SORTS: Final = {
    "newest": SortOrder(label="Newest", column="created_at", value=TIME),
    "views": SortOrder(label="Most watched", column="view_count", value=COUNT),
}


def known_sort(sort: str, orders: Mapping[str, object]) -> str:
    """The sort order if there is one of this name, else the default."""
    return sort if sort in orders else next(iter(orders))


def sort_parameter(sort: str, orders: Mapping[str, object]) -> str:
    """The value of `?sort=` in the address of the next page: "" for the default."""
    return "" if sort == next(iter(orders)) else sort
