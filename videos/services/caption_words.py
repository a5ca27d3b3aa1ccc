"""Folds captions to the words that the search index holds, once, outside of any transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef

from clipset.lib.words import words_of
from videos.models import Caption, CaptionWords
from videos.querysets import served_captions_q
from videos.transcode.spoken import spoken_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

# Different words of the captions of one video that are indexed.
MAX_CAPTION_WORDS: Final = 20_000
# Bytes of these words, 25 a word. Each edit of a video writes its words again, and PostgreSQL makes
# a wrong tsvector of more than 1 MiB, without an error.
MAX_CAPTION_BYTES: Final = 500_000
# Characters of a track after folding, which turns a few characters into up to 18 each. Only hostile
# texts reach this; what is beyond is not found.
MAX_FOLDED_CHARACTERS: Final = 2_000_000
# Characters that are folded in one call.
_PIECE: Final = 5_000
# Of all tracks of a video so many times the limits are read, to find different words.
_MAX_READ: Final = 3


def fold_captions(body: str) -> str:
    """The different words of a track in order of appearance, with spaces between.

    At most MAX_CAPTION_WORDS words and MAX_CAPTION_BYTES bytes; the rest is left out. Takes up to
    about a second for the largest file, so never call it in a transaction.
    """
    return " ".join(_first_of(_folded(body)))


def words_of_captions(video_id: UUID) -> str:
    """The different words of all tracks of a video that viewers may read, from their stored words,
    with the limits of `fold_captions`."""
    return " ".join(_first_of(_stored(video_id)))


def captions_without_words() -> list[int]:
    """Keys of tracks, also removed ones, whose words are not stored yet."""
    words = CaptionWords.objects.filter(caption=OuterRef("pk"))
    lacking = Caption.objects.filter(~Exists(words))
    return list(lacking.order_by("pk").values_list("pk", flat=True))


def _folded(body: str) -> Iterator[str]:
    """The folded words of a track, up to MAX_FOLDED_CHARACTERS."""
    characters = 0
    for line in spoken_lines(body):
        for piece in _pieces(line):
            for word in words_of(piece):
                characters += len(word) + 1
                if characters > MAX_FOLDED_CHARACTERS:
                    return
                yield word


def _pieces(line: str) -> Iterator[str]:
    """The line in pieces, cut at spaces, or anywhere in a piece without spaces."""
    start = 0
    while len(line) - start > _PIECE:
        end = line.rfind(" ", start, start + _PIECE)
        end = end if end > start else start + _PIECE
        yield line[start:end]
        start = end
    yield line[start:]


def _stored(video_id: UUID) -> dict[str, None]:
    """The words of one track after the other. Stops early when tracks repeat each other."""
    served = CaptionWords.objects.filter(served_captions_q("caption__"), caption__video=video_id)
    tracks = served.order_by("pk")
    kept: dict[str, None] = {}
    read_words = read_characters = 0
    for stored in tracks.values_list("words", flat=True).iterator(chunk_size=8):
        words = stored.split()
        kept.update(dict.fromkeys(words))
        read_words, read_characters = read_words + len(words), read_characters + len(stored)
        if (
            len(kept) >= MAX_CAPTION_WORDS
            or read_words >= _MAX_READ * MAX_CAPTION_WORDS
            or read_characters >= _MAX_READ * MAX_CAPTION_BYTES
        ):
            break
    return kept


def _first_of(words: Iterable[str]) -> list[str]:
    """The first different words, as many as the index takes."""
    kept: dict[str, None] = {}
    size = 0
    for word in words:
        if word in kept:
            continue
        size += len(word.encode())
        if len(kept) == MAX_CAPTION_WORDS or size > MAX_CAPTION_BYTES:
            break
        kept[word] = None
    return list(kept)
