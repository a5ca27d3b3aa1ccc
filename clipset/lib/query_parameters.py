"""Values from query strings and forms: whole numbers, times, texts, short ids and cursors.

A value that makes no sense is treated as missing. None of the results holds anything that a
database refuses (NUL, integers above 64 bits).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload
from urllib.parse import urlencode

from clipset.lib.ids import SHORT_ID_PATTERN
from clipset.lib.keyset import Cursor, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INT_DIGITS: Final = 18  # all of them fit into 64 bits
MAX_TIME_DIGITS: Final = 10  # the year 2286 in seconds since 1970
MAX_TEXT: Final = 200  # characters

_A = TypeVar("_A", str, int)
_B = TypeVar("_B", str, int)


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


@overload
def parse_cursor(after: str, first: type[_A], /) -> tuple[_A] | None: ...
@overload
def parse_cursor(after: str, first: type[_A], second: type[_B], /) -> tuple[_A, _B] | None: ...
def parse_cursor(after: str, /, *types: Any) -> Any:
    """The values of the cursor `after`, which have to be of these types.

    None, for a missing or wrong cursor, means the first page.
    """
    values = decode_cursor(after) if after else None
    if values is None or len(values) != len(types):
        return None
    return values if all(map(isinstance, values, types)) else None


def next_address(cursor: Cursor, parameters: Mapping[str, str] | None = None) -> str:
    """The query string of the page that begins after `cursor`. Leaves empty parameters out."""
    query = {**(parameters or {}), "after": encode_cursor(cursor)}
    return "?" + urlencode({name: value for name, value in query.items() if value})
