"""Texts as searches see them: words without case and accents, and where they stand in a text."""

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

# Accents, points of vowels and variation selectors. Marks that spell (Devanagari, Thai, the
# voicing of kana) are not among them.
_ACCENTS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\ufe00-\ufe0f\ufe20-\ufe2f]+"
)
# Letters with a stroke or two in one, which Unicode does not decompose.
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
# Written without spaces, so that each letter has to be a word: kana and Han, Thai, Lao, Burmese
# and Khmer.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


class _Spaced(dict[int, str]):
    """For str.translate: what is in no word is a space; an emoji is a word."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "So" or (_UNSPACED.match(char) and category[0] in "LM"):
            self[code] = f" {char} "
        else:
            self[code] = char if category[0] in "LMN" else " "
        return self[code]


class _Flat(dict[int, str]):
    """For str.translate: each character by the first one of its folded form, so that places in
    the result are places in the text."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = (_fold(char) or char)[0]
        return self[code]


_SPACED: Final = _Spaced()
_FLAT: Final = _Flat()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a text, and whether it is what was searched."""

    text: str
    is_found: bool


def _fold(text: str) -> str:
    # Accents go before as well: decomposing takes the square of a run of marks.
    folded = unicodedata.normalize("NFKD", _ACCENTS.sub("", text)).casefold()
    folded = unicodedata.normalize("NFKD", folded)
    plain = _ACCENTS.sub("", folded).translate(_LETTERS)
    return unicodedata.normalize("NFC", plain)


def words_of(text: str) -> list[str]:
    """The words of a text, folded, in their order: "Été à L'Île" gives ete, a, l, ile.

    A word is letters and digits, at most MAX_WORD_LENGTH of them; there is nothing in it that a
    database's query language knows.
    """
    folded = _fold(" ".join(map(clean_line, text.splitlines())))
    return [word[:MAX_WORD_LENGTH] for word in folded.translate(_SPACED).split()]


def search_terms(query: str) -> tuple[str, ...]:
    """What has to stand in a text, each as the beginning of a word: at most MAX_TERMS."""
    return tuple(dict.fromkeys(words_of(query)))[:MAX_TERMS]


def begins_any(words: Iterable[str], term: str) -> bool:
    return any(word.startswith(term) for word in words)


def find_terms(text: str, terms: Iterable[str]) -> list[tuple[int, int]]:
    """Where the terms begin and end in a text, as far as that can be seen letter by letter."""
    pattern = "|".join(
        # After a letter there is no beginning of a word, but in scripts without spaces.
        re.escape(term) if _UNSPACED.match(term) else rf"(?<![^\W_]){re.escape(term)}"
        for term in sorted(terms, key=len, reverse=True)
    )
    if not pattern:
        return []
    flat = text.lower() if text.isascii() else text.translate(_FLAT)
    return [found.span() for found in re.finditer(pattern, flat)]


def marked(text: str, terms: Iterable[str]) -> list[Piece]:
    """The text in pieces, to be shown with what was searched marked. Together they are the text."""
    pieces, end = list[Piece](), 0
    for start, stop in find_terms(text, terms):
        pieces.append(Piece(text[end:start], is_found=False))
        pieces.append(Piece(text[start:stop], is_found=True))
        end = stop
    pieces.append(Piece(text[end:], is_found=False))
    return [piece for piece in pieces if piece.text]


def excerpt(text: str, terms: Iterable[str], *, length: int = 160) -> list[Piece]:
    """About `length` characters around the first of the terms, marked; empty without any."""
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
