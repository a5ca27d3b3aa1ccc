"""Applies changed documents to SQLite's full-text index, a few words in one transaction.

FTS5 keeps a list for each word and for each prefix of up to ten letters, so that rewriting a
document of 20,000 words takes half a second, in which nobody else can write. Therefore triggers
only record in `SearchChange` which words the index has of a document and which it is to have, and
the difference is written in pieces. Until the last piece a search does not find all words of the
document.

PostgreSQL's index is written with the document and blocks nobody, so these functions do nothing.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from clipset.database.commits import after_commit
from videos.models import SearchChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PIECE: Final = 1_000  # words that one transaction removes from the index and adds to it
# Characters that the words before and after a change have together, above which comparing them
# takes too long for the transaction that makes the change.
_MAX_COMPARED: Final = 30_000
_MAX_DOCUMENTS: Final = 5_000  # of one sweep

_ADD: Final = "INSERT INTO video_search (rowid, words) VALUES (%s, %s)"
_REMOVE: Final = "INSERT INTO video_search (video_search, rowid, words) VALUES ('delete', %s, %s)"


def apply_changes(documents: Sequence[int]) -> None:
    """Writes a piece of each of these documents to the index in the caller's transaction, and the
    rest, with all of very long documents, after its commit or in the next sweep."""
    if connection.vendor != "sqlite":
        return
    unfinished = [
        document for document in documents if not _apply_piece(document, max_compared=_MAX_COMPARED)
    ]
    if unfinished:
        # A failure is logged and does not fail the request: the sweep continues.
        after_commit(partial(_finish, unfinished), what="writing the search index")


def apply_waiting_changes() -> int:
    """Applies changes that deletions and killed processes left. Returns of how many documents."""
    if connection.vendor != "sqlite":
        return 0
    waiting = list(SearchChange.objects.values_list("pk", flat=True)[:_MAX_DOCUMENTS])
    _finish(waiting)
    return len(waiting)


def rebuild_engine() -> None:
    """Has FTS5 index all documents again, and deletes all changes that wait."""
    if connection.vendor == "sqlite":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO video_search (video_search) VALUES ('rebuild')")
            SearchChange.objects.all().delete()


def _finish(documents: Iterable[int]) -> None:
    """Applies all changes of these documents, a transaction for each piece."""
    for document in documents:
        is_done = False
        while not is_done:
            since = time.monotonic()
            with transaction.atomic():
                is_done = _apply_piece(document)
            # Other writers poll for the lock, so it must be free for as long as it was held.
            time.sleep(min(time.monotonic() - since, 1.0))


def _apply_piece(document: int, *, max_compared: float = inf) -> bool:
    """Removes and adds at most PIECE words of a document, none if more than `max_compared`
    characters would be compared. Returns whether the index has all of its words."""
    change = SearchChange.objects.filter(pk=document).first()
    if change is None:
        return True
    texts = [change.has or "", change.wants or ""]
    if sum(map(len, texts)) > max_compared:
        return False
    had, wanted = (dict.fromkeys(text.split()) for text in texts)
    gone, new = (
        [word for word in had if word not in wanted],
        [word for word in wanted if word not in had],
    )
    removed = gone[:PIECE]
    added = new[: PIECE - len(removed)]
    is_done = len(removed) + len(added) == len(gone) + len(new)
    is_gone = is_done and change.wants is None
    # Including words that the next piece removes: until then the document may get them again.
    again = [] if is_gone else _sharing([*removed, *added], sorted(had.keys() - set(removed)))
    with connection.cursor() as cursor:
        if change.has is not None:
            cursor.execute(_REMOVE, [document, " ".join([*removed, *again])])
        if not is_gone:
            cursor.execute(_ADD, [document, " ".join([*again, *added])])
    if is_done:
        change.delete()
    else:
        for word in removed:
            del had[word]
        change.has = " ".join([*had, *added])
        change.save(update_fields=["has"])
    return is_done


def _sharing(changed: Iterable[str], kept: Sequence[str]) -> list[str]:
    """Kept words that have to be removed and added again, since they share prefixes with changed
    ones.

    FTS5 removes a document from the list of each prefix of a removed word, even if another word of
    the document has this prefix. And a document must not be added to a list that it is in already:
    FTS5 may keep it there when it is removed. The two neighbors of a word in the alphabet share the
    longest common prefix with it, and each shorter prefix that any word shares.

    Args:
        changed: words that are removed or added.
        kept: words that stay, sorted.
    """
    words: dict[str, None] = {}
    for word in changed:
        place = bisect_left(kept, word)
        for neighbor in kept[max(place - 1, 0) : place + 1]:
            if neighbor[0] == word[0]:
                words[neighbor] = None
    return list(words)
