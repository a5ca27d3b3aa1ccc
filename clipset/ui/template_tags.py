"""Template tags and filters of the whole site. They are built in: no template has to load them."""

from __future__ import annotations

import re
import zlib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from clipset.lib import units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.forms import BoundField

register = template.Library()

AVATAR_TONES = 8
_SVG_BODY = re.compile(r"<svg\b[^>]*>(?P<body>.*)</svg>", re.DOTALL)


# -- Icons --------------------------------------------------------------------------------------
@cache
def _icon_body(name: str) -> str:
    """The content of the icon's `<svg>`. Names come from templates, never from visitors."""
    folder = Path(settings.NODE_MODULES) / "lucide-static" / "icons"
    if not folder.is_dir():
        raise ImproperlyConfigured(
            f"Icons are missing ({folder}). Run `npm ci`, or start the site with scripts/run."
        )
    try:
        text = (folder / f"{name}.svg").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ImproperlyConfigured(f"lucide-static has no icon {name!r}.") from None
    found = _SVG_BODY.search(text)
    if found is None:
        raise ImproperlyConfigured(f"lucide-static's icon {name!r} holds no <svg>.")
    return " ".join(found["body"].split())


@register.simple_tag
def icon(name: str, size: int = 20) -> SafeString:
    """An inline icon of Lucide, `size` px wide and high.

    Hidden from screen readers, so it always needs a text or a label beside it. The reason for
    reading npm's files is in docs/decisions/0016-icons-from-npm.md.
    """
    return format_html(
        '<svg class="icon" width="{}" height="{}" viewBox="0 0 24 24" fill="none"'
        ' stroke="currentColor" stroke-width="1.75" stroke-linecap="round"'
        ' stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        size,
        size,
        mark_safe(_icon_body(name)),  # noqa: S308 from a pinned package
    )


# -- Numbers in words ---------------------------------------------------------------------------
@register.filter
def filesize(value: int | None) -> str:
    """1395864371 -> "1.3 GB"."""
    return "" if value is None else units.human_bytes(value)


@register.filter
def clock(value: float | None) -> str:
    """83 -> "1:23"."""
    return "" if value is None else units.clock(value)


@register.filter
def spoken(value: float | None) -> str:
    """83 -> "1 minute 23 seconds", for screen readers."""
    return "" if value is None else units.spoken_duration(value)


@register.filter
def human_time(value: float | timedelta | None) -> str:
    """83 -> "about 1 minute"; takes seconds or a timedelta."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    return "" if value is None else units.human_duration(value)


@register.filter
def compact(value: int) -> str:
    """12345 -> "12K"."""
    return units.compact_count(value)


@register.filter
def counted(value: int, noun: str) -> str:
    """{{ 3|counted:"view" }} -> "3 views"; 12345 -> "12K views"."""
    return f"{units.compact_count(value)} {units.plural(value, noun).partition(' ')[2]}"


# -- Time ---------------------------------------------------------------------------------------
# The least seconds for which a unit is used, the seconds of one unit, its name.
_STEPS: tuple[tuple[int, int, str], ...] = (
    (365 * 86400, 365 * 86400, "year"),
    (60 * 86400, 30 * 86400, "month"),
    (14 * 86400, 7 * 86400, "week"),
    (86400, 86400, "day"),
    (3600, 3600, "hour"),
    (60, 60, "minute"),
)


def age_in_words(moment: datetime, now: datetime) -> str:
    """ "3 hours ago", "in 6 days"; less than a minute in either direction is "just now".

    Rounded down. Half a minute is added to a future span, so that a limit of seven days that was
    just set reads as seven days.
    """
    seconds = (now - moment) / timedelta(seconds=1)
    span = seconds if seconds >= 0 else 30 - seconds
    for least, length, noun in _STEPS:
        if span >= least:
            words = units.plural(int(span // length), noun)
            return f"{words} ago" if seconds >= 0 else f"in {words}"
    return "just now"


@register.simple_tag
def relative_time(moment: datetime | None) -> SafeString:
    """A `<time>` with the age in words. Its title is the date; app.js shows it in local time."""
    if moment is None:
        return mark_safe("")
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{local:%d %B %Y, %H:%M} {local.tzname() or ''}".strip(),
        age_in_words(moment, timezone.now()),
    )


@register.filter
def quota_day(moment: datetime) -> str:
    """The weekday of a quota reset in QUOTA_RESET_TIMEZONE: "Sunday"."""
    return moment.astimezone(ZoneInfo(settings.QUOTA_RESET_TIMEZONE)).strftime("%A")


# -- Lists of the admin -------------------------------------------------------------------------
@register.filter
def labelled(cells: Iterable[str], headers: Iterable[dict[str, Any]]) -> list[SafeString]:
    """The cells of a row, each with the title of its column as `data-label`.

    Args:
        cells: elements `<td …>` or `<th …>`, made by Django.
        headers: Django's result_headers of the same list.
    """
    return [_with_label(cell, header["text"]) for cell, header in zip(cells, headers, strict=True)]


def _with_label(cell: str, title: str) -> SafeString:
    name, space, rest = cell.partition(" ")
    if isinstance(title, SafeString):  # the box that selects all rows
        return mark_safe(cell)  # noqa: S308 from Django
    label = format_html('data-label="{}"', title[:1].upper() + title[1:])
    return mark_safe(f"{name} {label}{space}{rest}")  # noqa: S308 from Django, and escaped


# -- People -------------------------------------------------------------------------------------
@register.filter
def initials(name: str) -> str:
    """One or two letters for a member without an avatar: "anna_berg" -> "AB", "bob" -> "B"."""
    parts = [part for part in re.split(r"[_\d]+", name) if part]
    letters = parts[0][:1] + (parts[-1][:1] if len(parts) > 1 else "") if parts else name[:1]
    return letters.upper()


@register.filter
def tone(name: str) -> int:
    """The number of an avatar color, always the same for a name, whatever its case."""
    return zlib.crc32(name.lower().encode()) % AVATAR_TONES


# -- Messages -----------------------------------------------------------------------------------


@register.inclusion_tag("components/field.html")
def field(
    bound: BoundField,
    hint: str = "",
    autocomplete: str = "",
    optional: bool = False,
    takes_focus: bool = True,
) -> dict[str, object]:
    """A form field: label, control, errors and help text. The form's first error gets the focus.

    Args:
        hint: replaces the field's own help text.
        autocomplete: value of the attribute of this name.
        optional: adds "optional" to the label.
        takes_focus: whether the field may get the focus, by its own `autofocus` or by an error.
    """
    help_text = hint or bound.help_text
    described = []
    attrs: dict[str, str | bool] = {
        "class": f"control {bound.field.widget.attrs.get('class', '')}".strip()
    }
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
        attrs["aria-invalid"] = "true"
        attrs["autofocus"] = next(iter(bound.form.errors)) == bound.name
    if not takes_focus:
        attrs["autofocus"] = False
    if help_text:
        described.append(f"{bound.auto_id}_help")
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if autocomplete:
        attrs["autocomplete"] = autocomplete
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attrs),
        "help_text": help_text,
        "optional": optional,
        "is_choice": bound.widget_type in {"checkbox", "radioselect", "checkboxselectmultiple"},
    }


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: object) -> dict[str, object]:
    """The errors of the form as a whole, shown above its fields."""
    return {"errors": form.non_field_errors()}  # type: ignore[attr-defined]
