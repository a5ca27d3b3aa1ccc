"""Values from query strings and forms: whole numbers, times, texts and short ids.

A value that makes no sense is treated as missing. None of the results holds anything that a
database refuses (NUL, integers above 64 bits).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from clipset.lib.ids import SHORT_ID_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INT_DIGITS: Final = 18  # all of them fit into 64 bits
MAX_TIME_DIGITS: Final = 10  # the year 2286 in seconds since 1970
MAX_TEXT: Final = 200  # characters


def int_parameter(
    data: Mapping[str, str], name: str, *, max_digits: int = MAX_INT_DIGITS
) -> int | None:
    """A whole number of ASCII digits, without a sign."""
    text = data.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= max_digits
    return int(text) if is_number else None


def time_parameter(data: Mapping[str, str], name: str) -> datetime | None:
    """A moment, given as whole seconds since 1970 (UTC)."""
    seconds = int_parameter(data, name, max_digits=MAX_TIME_DIGITS)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def text_parameter(data: Mapping[str, str], name: str) -> str:
    """A text without NUL characters and without spaces around it, cut after MAX_TEXT characters."""
    return data.get(name, "").replace("\x00", "").strip()[:MAX_TEXT]


def short_id_parameter(data: Mapping[str, str], name: str) -> str:
    """The short id of a video or playlist; "" for anything that cannot be one."""
    text = data.get(name, "")
    return text if re.fullmatch(SHORT_ID_PATTERN, text) else ""
