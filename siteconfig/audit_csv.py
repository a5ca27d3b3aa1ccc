"""The audit log as CSV, in pieces, so that memory does not grow with the number of entries."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from siteconfig.audit_masks import shown_changes, shown_reason
from siteconfig.audit_words import sentence_of
from siteconfig.selectors.audit_log import Wanted, all_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from siteconfig.models import AuditEntry

COLUMNS: Final = ("Entry", "Time", "Who", "From", "What", "Why", "Change", "Action", "Object")
# Programs for tables take a cell that begins so for a formula.
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file whose `write` returns what it is given."""

    def write(self, line: str) -> str:
        return line


def csv_lines(reader: Any, wanted: Wanted) -> Iterator[str]:
    """Yields the lines of a table (RFC 4180) with the entries that the reader may read."""
    writer = csv.writer(_Echo())
    columns = [*COLUMNS, "Address"] if reader.is_superuser else COLUMNS
    yield "\ufeff"  # so that Excel reads UTF-8
    yield writer.writerow(columns)
    for entry in all_entries(reader, wanted):
        cells = _cells(entry, reader)
        if reader.is_superuser:
            cells.append(entry.address)
        yield writer.writerow([harmless(cell) for cell in cells])


def _cells(entry: AuditEntry, reader: Any) -> list[str]:
    changes = shown_changes(entry, reader)
    return [
        str(entry.pk),
        timezone.localtime(entry.at).isoformat(timespec="seconds"),
        entry.actor_name,
        entry.get_source_display(),
        sentence_of(entry),
        shown_reason(entry, reader),
        "\n".join(f"{it.label}: {it.before} → {it.after}" for it in changes),
        entry.action,
        entry.object_id,
    ]


def harmless(cell: str) -> str:
    """Returns a cell that no program takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
