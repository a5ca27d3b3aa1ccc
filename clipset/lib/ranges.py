"""Byte ranges of one file of known size (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, TypeAlias

# One int-range or suffix-range (RFC 9110, 14.1.1). Recipients ignore empty elements of a list
# (5.6.1.2), so ",0-1," is one range too. No text matches in two ways, so nothing backtracks.
_ONE_RANGE: Final = re.compile(
    r"bytes=(?:(?:[ \t]*,)+[ \t]*)?([0-9]*)-([0-9]*)(?:[ \t]*,)*[ \t]*", re.ASCII | re.IGNORECASE
)

# Numbers with more digits count as this value, larger than any file: int() refuses above 4300.
_MAX_DIGITS: Final = 20
_HUGE: Final = 10**_MAX_DIGITS


@dataclass(frozen=True, slots=True)
class Whole:
    """Response 200 with the whole file: there is no range, or none that we support."""


@dataclass(frozen=True, slots=True)
class Part:
    """Response 206 with the bytes from `start` to `end`, both included."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """The Content-Length of the response in bytes."""
        return self.end - self.start + 1


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """Response 416 with `Content-Range: bytes */size`."""


Range: TypeAlias = Whole | Part | Unsatisfiable


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    if len(significant) > _MAX_DIGITS:
        return _HUGE
    return int(significant or "0")


def resolve_range(header: str | None, size: int, *, piece: int | None = None) -> Range:
    """The part of a file of `size` bytes that a `Range` header asks for (RFC 9110).

    Single, open (`5-`) and suffix (`-5`) ranges are clamped to the file. A syntax error, another
    unit, a last position before the first, and several ranges give the whole file, as 14.2 allows.
    A suffix of an empty file gives the whole (empty) file: 14.1.2 calls it satisfiable, but no
    Content-Range can express it.

    Args:
        piece: the most bytes for an open range. The response states its range (15.3.7), and players
            request the next one. Other clients would take a short response for the end of the file.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None:
        return Whole()
    first, last = match.groups()
    if first:
        return _from_positions(_number(first), _number(last) if last else None, size, piece)
    if last:
        return _from_suffix(_number(last), size)
    return Whole()


def _from_positions(start: int, end: int | None, size: int, piece: int | None) -> Range:
    if end is not None and end < start:
        return Whole()
    if start >= size:
        return Unsatisfiable()
    if end is None and piece is not None:
        end = start + piece - 1
    return Part(start, size - 1 if end is None else min(end, size - 1))


def _from_suffix(length: int, size: int) -> Range:
    if length == 0:
        return Unsatisfiable()
    if size == 0:
        return Whole()
    return Part(max(0, size - length), size - 1)


def if_range_matches(header: str | None, etag: str, last_modified: datetime | None) -> bool:
    """Whether `Range` applies in spite of `If-Range` (RFC 9110, 13.1.5); True without that header.

    Entity tags are compared strongly (8.8.3.2): a weak one on either side never matches. A date
    must equal the text of the `Last-Modified` that we send.

    Args:
        etag: the file's ETag as sent, with its quotes.
        last_modified: an aware datetime; None if the file has no date or may still change within
            the same second.
    """
    if header is None:
        return True
    validator = header.strip(" \t")
    if validator.startswith(('"', "W/", "w/")):
        strong = len(etag) >= 2 and etag.startswith('"') and etag.endswith('"')
        return strong and validator == etag
    if last_modified is None:
        return False
    whole_second = last_modified.astimezone(UTC).replace(microsecond=0)
    return validator == format_datetime(whole_second, usegmt=True)
