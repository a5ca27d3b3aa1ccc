"""Sentences about undone acts, also as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.utils.text import Truncator
from django.utils.translation import ngettext

from clipset.ui.undo_tags import TAKES_FOCUS
from siteconfig.audit_words import sentence_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from siteconfig.models import AuditEntry
    from siteconfig.services.undo import UndoneRequest

MAX_NAMED: Final = 3  # acts, or refusals, that are said one by one
MAX_LENGTH: Final = 100  # characters of one of several acts
NOTHING_TO_UNDO: Final = "Nothing was undone: it can't be, or somebody has undone it already."


def undone_sentence(entries: list[AuditEntry]) -> str:
    """Says which acts were undone: "2 acts undone: Hid the video “Sunset”; Hid the video “Sea”"."""
    if len(entries) == 1:
        return f"Undone: {sentence_of(entries[0])}"
    named = [Truncator(sentence_of(entry)).chars(MAX_LENGTH) for entry in entries[:MAX_NAMED]]
    rest = len(entries) - len(named)
    more = f" and {rest:,} more" if rest else ""
    return f"{len(entries):,} acts undone: {'; '.join(named)}{more}"


def refusal_sentences(result: UndoneRequest) -> list[str]:
    """Says why acts were not undone: a few one by one, the others as a number."""
    sentences = [f"Not undone: {sentence}" for sentence in result.refusals[:MAX_NAMED]]
    rest = len(result.refusals) - MAX_NAMED
    if rest > 0:
        sentence = ngettext(
            "%(count)d more act wasn't undone.", "%(count)d more acts weren't undone.", rest
        )
        sentences.append(sentence % {"count": rest})
    return sentences


def say_undone(request: HttpRequest, result: UndoneRequest) -> None:
    """Adds messages about what was undone and what was not. The page that follows gives them the
    focus, so that nobody is left at its top."""
    if result.entries:
        messages.success(request, undone_sentence(result.entries), extra_tags=TAKES_FOCUS)
    elif not result.refusals:
        messages.warning(request, NOTHING_TO_UNDO, extra_tags=TAKES_FOCUS)
    for sentence in refusal_sentences(result):
        messages.error(request, sentence, extra_tags=TAKES_FOCUS)
