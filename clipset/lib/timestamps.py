"""Parsing of times in a video as people write them in `?t=` and in comments."""

from __future__ import annotations

import re
from typing import Final

MAX_SECONDS: Final = 99 * 3600

# Enough digits for MAX_SECONDS, and few enough for int().
_PLAIN: Final = re.compile(r"(?P<s>[0-9]{1,6})")
_UNITS: Final = re.compile(
    r"(?:(?P<h>[0-9]{1,6})h)?(?:(?P<m>[0-9]{1,6})m)?(?:(?P<s>[0-9]{1,6})s)?",
    re.ASCII | re.IGNORECASE,
)
_CLOCK: Final = re.compile(r"(?:(?P<h>[0-9]{1,2}):)?(?P<m>[0-9]{1,4}):(?P<s>[0-9]{2})")


def parse_timestamp(text: str) -> int | None:
    """Seconds from "90", "90s", "1m30s", "1h2m3s", "1:30" or "1:02:03"; None for other texts.

    A part after a larger one must be below 60: "1:75" and "1m75s" are invalid, "75s" is valid.
    Times above 99 hours are invalid. Surrounding spaces and the case of units do not matter.
    """
    stripped = text.strip()
    for pattern in (_PLAIN, _CLOCK, _UNITS):
        match = pattern.fullmatch(stripped)
        if match is not None:
            return _total(match.groupdict())
    return None


def _total(parts: dict[str, str | None]) -> int | None:
    """The total in seconds of the parts; None if all are missing or one is too large."""
    given = [(int(digits), unit) for unit in "hms" if (digits := parts.get(unit)) is not None]
    if not given or any(number >= 60 for number, _ in given[1:]):
        return None
    total = sum(number * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in given)
    return total if total <= MAX_SECONDS else None
