"""Sums and counts that cost the same however many rows there are: they stop at a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from django.db.models import BigIntegerField, Count, F, Subquery, Sum, TextField

from clipset.lib.units import human_bytes, plural

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.db.models.expressions import Combinable

MAX_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows there are and the sum of a column, both of the first MAX_COUNTED rows."""

    count: int = 0
    amount: int = 0

    @property
    def is_cut(self) -> bool:
        """Whether there may be more rows."""
        return self.count >= MAX_COUNTED

    @property
    def size(self) -> str:
        """The amount as a size: "1.3 GB", or "over 1.3 GB" if there may be more rows."""
        return f"{'over ' if self.is_cut else ''}{human_bytes(self.amount)}"


class _TotalField(TextField[str, str]):
    """Reads what LimitedTotal selects."""

    def from_db_value(self, value: str, *_details: object) -> Total:
        count, _, amount = value.partition(" ")
        return Total(int(count), int(amount))


class LimitedTotal(Subquery):
    """The Total of at most MAX_COUNTED rows of a query, for use as an annotation.

    One text with both numbers, so that the rows are read once.

    Args:
        queryset: the rows, which may refer to the outer query by OuterRef.
        amount: the name of a column, or an expression, of whole numbers.
    """

    template = (
        "(SELECT COUNT(*) || ' ' || COALESCE(SUM(limited.amount), 0) FROM (%(subquery)s) limited)"
    )
    output_field = _TotalField()

    def __init__(self, queryset: QuerySet[Any], amount: str | Combinable) -> None:
        super().__init__(_amounts(queryset, amount))


class LimitedCount(Subquery):
    """The number of rows of a query, at most MAX_COUNTED, for use as an annotation."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) limited)"
    output_field = BigIntegerField()

    def __init__(self, queryset: QuerySet[Any]) -> None:
        super().__init__(queryset.order_by().values("pk")[:MAX_COUNTED])


def related_rows(model: type[Model], relation: str) -> QuerySet[Any]:
    """Returns all rows of the model behind a reverse relation, which the caller may not import."""
    related = cast("type[Model]", model._meta.get_field(relation).related_model)
    return related._default_manager.order_by()


def limited_total(queryset: QuerySet[Any], amount: str | Combinable) -> Total:
    """Returns the Total of at most MAX_COUNTED rows. One query. Arguments as of LimitedTotal."""
    found = _amounts(queryset, amount).aggregate(rows=Count("*"), total=Sum("amount"))
    return Total(found["rows"], int(found["total"] or 0))


def _amounts(queryset: QuerySet[Any], amount: str | Combinable) -> QuerySet[Any]:
    expression = F(amount) if isinstance(amount, str) else amount
    rows: QuerySet[Any] = queryset.order_by().annotate(amount=expression).values("amount")
    return rows[:MAX_COUNTED]


def limited_count(queryset: QuerySet[Any]) -> int:
    """Returns the number of rows, or MAX_COUNTED + 1 if there are more than MAX_COUNTED."""
    return queryset.order_by()[: MAX_COUNTED + 1].count()


def counted(number: int, noun: str = "", many: str | None = None) -> str:
    """A limited count in words: "12 videos", "1,000+ videos"; without a noun the number alone."""
    if number >= MAX_COUNTED:
        return f"{MAX_COUNTED:,}+ {many or f'{noun}s'}" if noun else f"{MAX_COUNTED:,}+"
    return plural(number, noun, many) if noun else f"{number:,}"
