"""Formatting of sizes, durations and counts for people."""

from __future__ import annotations

from typing import Final

_BYTE_UNITS: Final = ("KB", "MB", "GB", "TB", "PB", "EB")
_COUNT_UNITS: Final = ("K", "M", "B", "T")

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def human_bytes(n: int) -> str:
    """A size in units of 1024: "0 bytes", "1 byte", "512 KB", "1.3 GB", "4 GB".

    Rounded to the nearest, half up. Values below 10 have one decimal unless it is 0; others have
    none. 1024 of a unit are 1 of the next, up to exabytes.
    """
    if n < 0:
        return f"-{human_bytes(-n)}"
    if n < 1024:
        return plural(n, "byte")
    unit, base = _BYTE_UNITS[0], 1024
    for larger in _BYTE_UNITS[1:]:
        if _divide_half_up(n, base) < 1024:
            break
        unit, base = larger, base * 1024
    return f"{_short_decimal(_divide_half_up(10 * n, base), _divide_half_up(n, base))} {unit}"


def compact_count(n: int) -> str:
    """A count in at most four characters: "999", "1.2K", "12K", "3M".

    Rounded down, so that it never shows more than there are.
    """
    if n < 0:
        return f"-{compact_count(-n)}"
    if n < 1000:
        return str(n)
    unit, base = _COUNT_UNITS[0], 1000
    for larger in _COUNT_UNITS[1:]:
        if n // base < 1000:
            break
        unit, base = larger, base * 1000
    return f"{_short_decimal(10 * n // base, n // base)}{unit}"


def _divide_half_up(n: int, by: int) -> int:
    return (2 * n + by) // (2 * by)


def _short_decimal(tenths: int, whole: int) -> str:
    """One decimal for values below 10, unless it is 0; else the whole number."""
    if tenths >= 100:
        return f"{whole:,}"
    units, decimal = divmod(tenths, 10)
    return f"{units}.{decimal}" if decimal else str(units)


def plural(n: int, singular: str, many: str | None = None) -> str:
    """A number with its noun: "1 view", "1,204 views". `many` is an irregular plural."""
    word = singular if n == 1 else many or f"{singular}s"
    return f"{n:,} {word}"


def clock(seconds: float) -> str:
    """A time as a player shows it: "0:07", "1:23", "1:02:03". Fractions are cut off.

    `seconds` must be finite; negative values count as zero.
    """
    hours, minutes, rest = _split(seconds)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spoken_duration(seconds: float) -> str:
    """A time in words, for aria-labels: "1 minute 23 seconds". Parts that are zero are left out."""
    parts = zip(_split(seconds), ("hour", "minute", "second"), strict=True)
    return " ".join(plural(n, unit) for n, unit in parts if n) or "0 seconds"


def _split(seconds: float) -> tuple[int, int, int]:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return hours, minutes, rest


def human_duration(seconds: float) -> str:
    """A rough duration: "a few seconds", "about 2 minutes", "about 1 hour", "about 3 days".

    Rounded to the nearest, half up; in hours up to two days, then in days. `seconds` must be
    finite.
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < _MINUTE:
        return "less than a minute"
    whole = int(seconds)
    minutes = _divide_half_up(whole, _MINUTE)
    if minutes < 60:
        return f"about {plural(minutes, 'minute')}"
    hours = _divide_half_up(whole, _HOUR)
    if hours < 48:
        return f"about {plural(hours, 'hour')}"
    return f"about {plural(_divide_half_up(whole, _DAY), 'day')}"
