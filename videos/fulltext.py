"""One query for two full-text engines: SQLite's FTS5 and PostgreSQL's tsvector.

Both hold whole words that clipset.lib.words has folded, and neither folds, stems or parses
anything: FTS5 splits at spaces, and the tsvector is built from an array. So both find the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import connection
from django.db.models.expressions import RawSQL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A paragraph sign is not a letter, so no folded word begins with it.
UPLOADER: Final = "§u"
CATEGORY: Final = "§c"

_FTS5: Final = (
    "SELECT rowid FROM video_search WHERE video_search MATCH %s AND rowid < %s "
    "ORDER BY rowid DESC LIMIT %s"
)
_POSTGRESQL: Final = (
    "SELECT id FROM search_documents WHERE vector @@ CAST(%s AS tsquery) AND id < %s "
    "ORDER BY id DESC LIMIT %s"
)
_LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Term:
    """One search term: it matches the prefix of a word, or the name of one of these uploaders or
    categories."""

    text: str
    uploaders: frozenset[UUID] = frozenset()
    categories: frozenset[UUID] = frozenset()

    @property
    def tokens(self) -> list[str]:
        uploaders = [uploader_token(pk) for pk in sorted(self.uploaders)]
        return uploaders + [category_token(pk) for pk in sorted(self.categories)]


def uploader_token(pk: UUID) -> str:
    return f"{UPLOADER}{pk.hex}"


def category_token(pk: UUID) -> str:
    return f"{CATEGORY}{pk.hex}"


def newest_matching(
    terms: Sequence[Term], *, category: UUID | None = None, before: int | None = None, limit: int
) -> RawSQL:
    """The ids of the newest documents that match every term, for `pk__in`.

    Both engines return the newest first without reading all that match.

    Args:
        category: only documents of this category.
        before: only documents older than this id.
    """
    only = [] if category is None else [category_token(category)]
    last = _LAST if before is None else before
    if connection.vendor == "sqlite":
        return RawSQL(_FTS5, [_match(terms, only), last, limit])  # noqa: S611 arguments are bound
    return RawSQL(_POSTGRESQL, [_tsquery(terms, only), last, limit])  # noqa: S611


def _match(terms: Iterable[Term], only: list[str]) -> str:
    """The query for FTS5 (SQLite's "Full-text Query Syntax"): double quotes, and * for a prefix."""
    clauses = [
        "(" + " OR ".join([f'"{term.text}"*', *(f'"{token}"' for token in term.tokens)]) + ")"
        for term in terms
    ]
    return " AND ".join([*clauses, *(f'"{token}"' for token in only)])


def _tsquery(terms: Iterable[Term], only: list[str]) -> str:
    """The query for PostgreSQL's tsquery: single quotes, and :* for a prefix."""
    clauses = [
        "(" + " | ".join([f"'{term.text}':*", *(f"'{token}'" for token in term.tokens)]) + ")"
        for term in terms
    ]
    return " & ".join([*clauses, *(f"'{token}'" for token in only)])
