"""Words for the search, without case and accents, and their positions in a text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clipset.lib.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TERMS: Final = 12
MAX_WORD_LENGTH: Final = 40  # characters

# Accents, vowel points and variation selectors. Not marks that change the spelling (Devanagari,
# Thai, the voicing of kana).
_ACCENTS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\ufe00-\ufe0f\ufe20-\ufe2f]+"
)
# Letters with a stroke, and ligatures, which Unicode does not decompose.
_LETTERS: Final = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "ł": "l",
        "ŋ": "n",
        "ŧ": "t",
        "þ": "th",
    }
)
# Scripts without spaces, where each letter counts as a word: kana and Han, Thai, Lao, Burmese and
# Khmer.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


class _Spaced(dict[int, str]):
    """Table for str.translate: characters outside words become spaces; an emoji is a word."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "So" or (_UNSPACED.match(char) and category[0] in "LM"):
            self[code] = f" {char} "
        else:
            self[code] = char if category[0] in "LMN" else " "
        return self[code]


class _Flat(dict[int, str]):
    """Table for str.translate: replaces each character by the first of its folded form.

    So positions in the result are positions in the text.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = (_fold(char) or char)[0]
        return self[code]


_SPACED: Final = _Spaced()
_FLAT: Final = _Flat()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and whether it matches the search."""

    text: str
    is_found: bool


def _fold(text: str) -> str:
    # Removes accents first, since decomposing takes quadratic time for a run of marks.
    folded = unicodedata.normalize("NFKD", _ACCENTS.sub("", text)).casefold()
    folded = unicodedata.normalize("NFKD", folded)
    plain = _ACCENTS.sub("", folded).translate(_LETTERS)
    return unicodedata.normalize("NFC", plain)


def words_of(text: str) -> list[str]:
    """The folded words of a text, in order: "Été à L'Île" gives ete, a, l, ile.

    A word has letters and digits only, at most MAX_WORD_LENGTH, so it has no meaning in the query
    language of a database.
    """
    folded = _fold(" ".join(map(clean_line, text.splitlines())))
    return [word[:MAX_WORD_LENGTH] for word in folded.translate(_SPACED).split()]


def search_terms(query: str) -> tuple[str, ...]:
    """The terms of a search, at most MAX_TERMS. A text matches if each begins one of its words."""
    return tuple(dict.fromkeys(words_of(query)))[:MAX_TERMS]


def begins_any(words: Iterable[str], term: str) -> bool:
    """Whether one of the words begins with the term."""
    return any(word.startswith(term) for word in words)


def find_terms(text: str, terms: Iterable[str]) -> list[tuple[int, int]]:
    """Start and end positions of the terms in a text, as far as single letters can be compared."""
    pattern = "|".join(
        # A term must not follow a letter, except in scripts without spaces.
        re.escape(term) if _UNSPACED.match(term) else rf"(?<![^\W_]){re.escape(term)}"
        for term in sorted(terms, key=len, reverse=True)
    )
    if not pattern:
        return []
    flat = text.lower() if text.isascii() else text.translate(_FLAT)
    return [found.span() for found in re.finditer(pattern, flat)]


def marked(text: str, terms: Iterable[str]) -> list[Piece]:
    """Splits a text into pieces that match the search and pieces that do not, without loss."""
    pieces, end = list[Piece](), 0
    for start, stop in find_terms(text, terms):
        pieces.append(Piece(text[end:start], is_found=False))
        pieces.append(Piece(text[start:stop], is_found=True))
        end = stop
    pieces.append(Piece(text[end:], is_found=False))
    return [piece for piece in pieces if piece.text]


def excerpt(text: str, terms: Iterable[str], *, length: int = 160) -> list[Piece]:
    """About `length` characters around the first match, as pieces; empty without a match."""
    terms = tuple(terms)
    places = find_terms(text, terms)
    if not places:
        return []
    start = max(0, places[0][0] - length // 3)
    stop = start + length
    if start:
        start = text.find(" ", start, places[0][0]) + 1 or places[0][0]
    if stop < len(text):
        stop = text.rfind(" ", max(places[0][1], stop - 30), stop) if stop > places[0][1] else -1
        stop = stop if stop > 0 else max(places[0][1], start + length)
    cut = " ".join(text[start:stop].split())
    before, after = "… " if start else "", " …" if stop < len(text) else ""
    return marked(f"{before}{cut}{after}", terms)
