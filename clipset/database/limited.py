"""Sums and counts that cost the same however many rows there are: they stop at a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django.db.models import BigIntegerField, F, Subquery

from clipset.lib.units import plural

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

MAX_COUNTED: Final = 1_000


class LimitedSum(Subquery):
    """The sum of a column over at most MAX_COUNTED rows of a query, for use as an annotation.

    Args:
        queryset: the rows, which may refer to the outer query by OuterRef.
        amount: the column's name.
    """

    template = "(SELECT COALESCE(SUM(limited.amount), 0) FROM (%(subquery)s) limited)"
    output_field = BigIntegerField()

    def __init__(self, queryset: QuerySet[Any], amount: str) -> None:
        rows = queryset.order_by().annotate(amount=F(amount)).values("amount")
        super().__init__(rows[:MAX_COUNTED])


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


def limited_count(queryset: QuerySet[Any]) -> int:
    """Returns the number of rows, or MAX_COUNTED + 1 if there are more than MAX_COUNTED."""
    return queryset.order_by()[: MAX_COUNTED + 1].count()


def counted(number: int, noun: str = "", many: str | None = None) -> str:
    """A limited count in words: "12 videos", "1,000+ videos"; without a noun the number alone."""
    if number >= MAX_COUNTED:
        return f"{MAX_COUNTED:,}+ {many or f'{noun}s'}" if noun else f"{MAX_COUNTED:,}+"
    return plural(number, noun, many) if noun else f"{number:,}"
