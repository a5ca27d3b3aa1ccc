"""The tables that benchmarks print: one promise a row, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence

FAILS = "FAILS"


def verdict(holds: bool) -> str:
    return "holds" if holds else FAILS


def print_table(rows: Sequence[Sequence[str]]) -> int:
    """Prints rows of equal length in aligned columns. Returns 1 when a promise fails, else 0."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return int(any(FAILS in row for row in rows))
