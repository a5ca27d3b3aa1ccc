"""Brings changed documents to SQLite's full-text index, a few words in one transaction.

FTS5 keeps a list for each word and for each beginning of up to ten letters, so that a document of
20,000 words takes half a second to be written again, in which nobody else can write. Therefore
triggers only note in `SearchChange` what the index has of a document and what it is to have, and
the difference is written in pieces. Until the last one a search does not find all of its words.

PostgreSQL's index is written with the document, and blocks nobody: nothing of this is needed.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from clipset.database.commits import after_commit
from videos.models import SearchChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PIECE: Final = 1_000  # words that one transaction takes out of the index and puts into it
_MAX_DOCUMENTS: Final = 5_000  # of a sweep; the next one goes on

_PUT: Final = "INSERT INTO video_search (rowid, words) VALUES (%s, %s)"
_TAKE: Final = "INSERT INTO video_search (video_search, rowid, words) VALUES ('delete', %s, %s)"


def apply_changes(documents: Sequence[int]) -> None:
    """Brings these to the index within the caller's transaction, as far as that is quick; what is
    left follows when it is committed, or with the next sweep."""
    if connection.vendor != "sqlite":
        return
    left = [document for document in documents if not _apply_piece(document)]
    if left:
        # A failure is logged and changes no answer: the sweep goes on with it.
        after_commit(partial(_finish, left), what="writing the search index")


def apply_waiting_changes() -> int:
    """What deletions, and processes that died, left to do. Returns of how many documents."""
    if connection.vendor != "sqlite":
        return 0
    waiting = list(SearchChange.objects.values_list("pk", flat=True)[:_MAX_DOCUMENTS])
    _finish(waiting)
    return len(waiting)


def rebuild_engine() -> None:
    """FTS5 reads all documents once more; nothing waits any longer."""
    if connection.vendor == "sqlite":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO video_search (video_search) VALUES ('rebuild')")
            SearchChange.objects.all().delete()


def _finish(documents: Iterable[int]) -> None:
    for document in documents:
        is_done = False
        while not is_done:
            since = time.monotonic()
            with transaction.atomic():
                is_done = _apply_piece(document)
            # Whoever else wants to write polls for the lock: it must be free as long as it is held.
            time.sleep(min(time.monotonic() - since, 1.0))


def _apply_piece(document: int) -> bool:
    """Takes out and puts in at most PIECE words. Returns whether that was all."""
    change = SearchChange.objects.filter(pk=document).first()
    if change is None:
        return True
    had, wanted = (dict.fromkeys((text or "").split()) for text in (change.has, change.wants))
    gone, new = (
        [word for word in had if word not in wanted],
        [word for word in wanted if word not in had],
    )
    taken = gone[:PIECE]
    put = new[: PIECE - len(taken)]
    is_done = len(taken) + len(put) == len(gone) + len(new)
    is_gone = is_done and change.wants is None
    # Also words that the next piece takes out: before that, they may be wanted again.
    again = [] if is_gone else _sharing([*taken, *put], sorted(had.keys() - set(taken)))
    with connection.cursor() as cursor:
        if change.has is not None:
            cursor.execute(_TAKE, [document, " ".join([*taken, *again])])
        if not is_gone:
            cursor.execute(_PUT, [document, " ".join([*again, *put])])
    if is_done:
        change.delete()
    else:
        for word in taken:
            del had[word]
        change.has = " ".join([*had, *put])
        change.save(update_fields=["has"])
    return is_done


def _sharing(changed: Iterable[str], kept: Sequence[str]) -> list[str]:
    """Words that stay, to be taken out and put in again with those that go or come: all beginnings
    that both have.

    FTS5 takes a document out of the list of each beginning of a word that goes, even where
    another word of it begins so. And it must not be put into a list that it is in already: FTS5
    may keep it there when it is taken out. The two neighbors in the alphabet have the longest of
    those beginnings in common with a word, and whatever shorter one any word has.

    Args:
        kept: sorted.
    """
    words: dict[str, None] = {}
    for word in changed:
        place = bisect_left(kept, word)
        for neighbor in kept[max(place - 1, 0) : place + 1]:
            if neighbor[0] == word[0]:
                words[neighbor] = None
    return list(words)
