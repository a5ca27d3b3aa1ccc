"""Words for the search: folding of texts and queries, and the positions of matches."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.words import (
    MAX_TERMS,
    MAX_WORD_LENGTH,
    excerpt,
    find_terms,
    marked,
    search_terms,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Harvest in the HILLS", ["harvest", "in", "the", "hills"]),
        ("Été à L'Île", ["ete", "a", "l", "ile"]),
        ("e\u0301te\u0301", ["ete"]),
        ("Straße STRASSE ẞ", ["strasse", "strasse", "ss"]),
        (
            "Łódź Ørsted Æsir œuvre İstanbul ısı",
            ["lodz", "orsted", "aesir", "oeuvre", "istanbul", "isi"],
        ),
        ("Ёлка й Σίσυφος", ["елка", "и", "σισυφοσ"]),
        ("ﬁnale Ⅷ ½ ① ™", ["finale", "viii", "1", "2", "1", "tm"]),
        ("日本語の映画", ["日", "本", "語", "の", "映", "画"]),
        ("が か", ["が", "か"]),
        ("한국 영화", ["한국", "영화"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
        ("مُحَمَّد", ["محمد"]),
        ("snake_case 2024-05-01 C++", ["snake", "case", "2024", "05", "01", "c"]),
        ("party🎉🎊 ❤️", ["party", "🎉", "🎊", "❤"]),
        ("one\ntwo\x00three\u200bfour", ["one", "twothreefour"]),
        ("§u 'quoted' \"double\" a*b %_", ["u", "quoted", "double", "a", "b"]),
        ("x" * 100, ["x" * MAX_WORD_LENGTH]),
    ],
)
def test_texts_become_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_are_folded_once_and_hold_nothing_that_an_engine_knows(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    for word in words:
        assert not set(word) & set(" '\"*:&|!()<>\\^§-+%_\0{}[]~,;")
        word.encode()
        assert 0 < len(word) <= MAX_WORD_LENGTH


def test_a_query_is_a_few_different_terms() -> None:
    assert search_terms("b a B à") == ("b", "a")
    assert len(search_terms(" ".join(f"w{number}" for number in range(99)))) == MAX_TERMS


@given(st.text(), st.text(max_size=20))
def test_the_pieces_together_are_the_text(text: str, query: str) -> None:
    terms = search_terms(query)
    assert "".join(piece.text for piece in marked(text, terms)) == text


def test_a_run_of_marks_takes_no_time() -> None:
    since = time.monotonic()
    words_of("a" + "\u0315\u0300" * 100_000)
    words_of("क" + "\u093c\u094d" * 100_000)
    assert time.monotonic() - since < 5


def shown(text: str, query: str) -> str:
    return "".join(
        f"[{piece.text}]" if piece.is_found else piece.text
        for piece in marked(text, search_terms(query))
    )


def test_words_are_marked_where_they_begin() -> None:
    assert shown("Harvest, unharvested; HARVESTERS", "harvest") == (
        "[Harvest], unharvested; [HARVEST]ERS"
    )
    assert shown("snake_case", "case") == "snake_[case]"
    assert shown("Été et été", "ete") == "[Été] et [été]"
    assert shown("日本語の映画", "映画") == "日本語の[映][画]"
    assert shown("a.b", ".") == "a.b"
    assert shown("long longer", "long longer") == "[long] [longer]"


def test_an_excerpt_is_cut_at_words_around_the_first_place() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve"
    cut = "".join(piece.text for piece in excerpt(text, ["seven"], length=30))
    assert cut == "… five six seven eight nine …"
    assert excerpt(text, ["thirteen"]) == []
    assert excerpt("short", ["sho"])[0].text == "sho"
    assert find_terms("x" * 1000, ["x"]) == [(0, 1)]
    assert "".join(piece.text for piece in excerpt("x" * 1000, ["x"], length=30)).startswith("xxx")
