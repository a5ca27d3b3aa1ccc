"""Opaque cursors for keyset pagination: the sort values of the last row shown.

A cursor is neither secret nor signed: it says where the next page starts, not what may be seen.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, overload
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

Cursor: TypeAlias = tuple[str | int, ...]
_A = TypeVar("_A", str, int)
_B = TypeVar("_B", str, int)

# Characters of an encoded cursor, so that addresses stay within the limits of servers.
MAX_CURSOR_LENGTH: Final = 1024

# The range of a 64-bit column. SQLite raises OverflowError for a comparison beyond it.
_MIN_INT: Final = -(2**63)
_MAX_INT: Final = 2**63 - 1


def encode_cursor(values: Cursor) -> str:
    """Encodes values as JSON in base64url without padding (RFC 4648, section 5).

    Raises: ValueError for no values, for values that no database stores (an integer above 64 bits,
    a NUL or a lone surrogate in a text), and for a result longer than MAX_CURSOR_LENGTH.
    """
    if not values or not all(_is_storable(value) for value in values):
        raise ValueError("a cursor holds texts and 64-bit integers, at least one")
    encoded = _encode(values)
    if len(encoded) > MAX_CURSOR_LENGTH:
        raise ValueError(f"a cursor has at most {MAX_CURSOR_LENGTH} characters")
    return encoded


def decode_cursor(text: str) -> Cursor | None:
    """The values of a cursor; None for any text that `encode_cursor` does not return. Never raises.

    Callers must still check that the number and the types of the values fit their order.
    """
    if len(text) > MAX_CURSOR_LENGTH:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        loaded = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(loaded, list) or not loaded:
        return None
    values = tuple(loaded)
    if not all(_is_storable(value) for value in values):
        return None
    # Both base64 and JSON allow other spellings; only the one of encode_cursor is accepted.
    return values if _encode(values) == text else None


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


def _encode(values: Cursor) -> str:
    raw = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)
    return type(value) is int and _MIN_INT <= value <= _MAX_INT
