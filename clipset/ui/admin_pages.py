"""The pages of an admin's list: a page costs the same whatever the size of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    from django.db.models import QuerySet

MAX_LISTED_ROWS: Final = 5_000  # that one can page through: beyond them one searches or filters


class LimitedPaginator(Paginator[Any]):
    """Counts at most MAX_LISTED_ROWS rows, and has no pages behind them."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by().values("pk")[:MAX_LISTED_ROWS].count()

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be more rows than `count`."""
        return self.count >= MAX_LISTED_ROWS

    @property
    def shown_count(self) -> str:
        return f"{self.count:,}{'+' if self.is_cut_off else ''}"


class UnjoinedChangeList(ChangeList):
    """Fetches `list_select_related` by a query of its own for each name, without joins.

    With a join to the members, SQLite may go through them first and then sort all videos of the
    site, where an index leads to the fifty newest.
    """

    def apply_select_related(self, qs: QuerySet[Any]) -> QuerySet[Any]:
        names = self.list_select_related
        if isinstance(names, bool):
            return super().apply_select_related(qs)
        return qs.prefetch_related(*names)
