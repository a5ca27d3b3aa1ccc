"""Messages about undone acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.utils.translation import ngettext

from siteconfig.audit_words import sentence_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from siteconfig.models import AuditEntry
    from siteconfig.services.undo import UndoneRequest

MAX_REFUSALS: Final = 3  # that are said one by one
NOTHING_TO_UNDO: Final = "Nothing was undone: it can't be, or somebody has undone it already."


def say_undone(request: HttpRequest, entries: list[AuditEntry]) -> None:
    if len(entries) == 1:
        messages.success(request, f"Undone: {sentence_of(entries[0])}")
    elif entries:
        messages.success(request, f"{len(entries):,} acts undone.")


def say_refusals(request: HttpRequest, result: UndoneRequest) -> None:
    """Says why acts were not undone: a few one by one, the others as a number."""
    if not result.entries and not result.refusals:
        messages.warning(request, NOTHING_TO_UNDO)
    for sentence in result.refusals[:MAX_REFUSALS]:
        messages.error(request, f"Not undone: {sentence}")
    rest = len(result.refusals) - MAX_REFUSALS
    if rest > 0:
        sentence = ngettext(
            "%(count)d more act wasn't undone.", "%(count)d more acts weren't undone.", rest
        )
        messages.error(request, sentence % {"count": rest})
