"""Columns that the lists of all admin pages share: dates and long texts look alike everywhere."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib import admin
from django.db.models import DateTimeField
from django.utils.html import format_html
from django.utils.text import Truncator

from clipset.ui.template_tags import relative_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from django.db.models import Model
    from django.utils.safestring import SafeString

MAX_CUT: Final = 48  # characters


def age(moment: datetime | None) -> SafeString | str:
    """A date in a list: its age in words, with the date as its title."""
    return relative_time(moment) if moment else "–"


def cut(text: str, length: int = MAX_CUT) -> SafeString | str:
    """A text of at most `length` characters; a longer one has the whole text as its title."""
    short = Truncator(text).chars(length)
    return text if short == text else format_html('<span title="{}">{}</span>', text, short)


def with_ages(model: type[Model], names: Iterable[Any]) -> list[Any]:
    """Replaces the names of date fields in a `list_display` by columns that show ages."""
    dates = {field.name for field in model._meta.fields if isinstance(field, DateTimeField)}
    return [_age_column(model, name) if name in dates else name for name in names]


@cache
def _age_column(model: type[Model], name: str) -> Callable[[Any], SafeString | str]:
    @admin.display(description=_title(model, name), ordering=name)
    def column(row: Any) -> SafeString | str:
        return age(getattr(row, name))

    column.__name__ = name  # a part of the column's CSS class
    return column


def _title(model: type[Model], name: str) -> str:
    """The name of a date field in the heading of its column: "created at" is "Created"."""
    field = cast("DateTimeField[Any, Any]", model._meta.get_field(name))
    return str(field.verbose_name).removesuffix(" at")
