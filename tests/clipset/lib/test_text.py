from __future__ import annotations

import unicodedata
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.text import (
    MAX_MARKS,
    MAX_TITLE_LENGTH,
    clean_line,
    clean_text,
    safe_filename,
    title_from_filename,
)

RLO = "\u202e"
ZWSP = "\u200b"
ZWJ = "\u200d"
ZWNJ = "\u200c"
FAMILY = f"👨{ZWJ}👩{ZWJ}👧"

awkward = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=[]),
        st.sampled_from(
            "ab1\u0958 -_./\\\t\n\r\v\f\x00\x1c\x85\xad\u0301\u034f\u2028\u2800\ufe0f\ufeff"
        ),
        st.sampled_from([RLO, ZWSP, ZWJ, ZWNJ, "\u2066", "\u3164", "\ud800", "\U000e0041"]),
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a", "a"),
        ("  a  b\t\nc ", "a b c"),
        ("a\u00a0\u2003\u3000b", "a b"),
        ("a\r\nb\u2028c\x85d\fe", "a b c d e"),
        ("a\x00b\x07c\x7fd\x9be\x1c\x1f", "abcde"),
        ("e\u0301", "é"),
        (f"e{ZWSP}\u0301", "é"),
        (f"abc{RLO}gpj.exe", "abcgpj.exe"),
        ("\u2066a\u2069\u200eb\u200f\u061c", "ab"),
        (f"{ZWSP}\ufeff\u2060\xad", ""),
        (f"{ZWJ}{ZWNJ}{ZWJ}", ""),
        ("\ufe0f", ""),
        ("\u3164\u115f\u1160\uffa0", ""),
        ("\u2800 \u2800", ""),
        ("\ud800a\udfff", "a"),
        ("\U000e0041\U000e0042", ""),
        (f"a {ZWSP} b", "a b"),
        (f"a {ZWJ} b", "a b"),
        (f"a{ZWJ}", "a"),
        (f"a{ZWJ}{ZWNJ}{ZWJ}b", f"a{ZWJ}b"),
        (f"  {FAMILY}  ", FAMILY),
        ("❤\ufe0f", "❤\ufe0f"),
        (f"می{ZWNJ}خواهم", f"می{ZWNJ}خواهم"),
        ("葛\U000e0100", "葛\U000e0100"),
        ("שלום עולם", "שלום עולם"),
        ("<b>&amp;", "<b>&amp;"),
    ],
)
def test_clean_line(text: str, expected: str) -> None:
    assert clean_line(text) == expected


LONG = 50_000


@pytest.mark.parametrize(
    "text",
    [
        "a" + "\u0301\u0323" * LONG,
        f"a{ZWJ}" + ZWJ * LONG + "b",
        f"a{ZWJ}\u034f" * LONG,
        " \ufe0f" * LONG,
        "-" * LONG + "1",
        "1" + "-." * LONG + "1",
        " -" * LONG + "x",
        "\n \n" * LONG,
        "a." * LONG,
    ],
    ids=["marks", "joiners", "pairs", "selectors", "dashes", "dots", "edges", "lines", "names"],
)
def test_long_texts_take_no_time(text: str) -> None:
    started = thread_time()
    clean_line(text)
    clean_text(text)
    title_from_filename(text)
    safe_filename(text, "mp4")
    assert thread_time() - started < 3


def test_marks_are_limited() -> None:
    assert clean_line("x" + "\u0301" * 100 + "y") == "x" + "\u0301" * MAX_MARKS + "y"
    assert clean_line("x\u0301\u0323") == "x\u0323\u0301"


def assert_clean(line: str) -> None:
    assert line == " ".join(line.split())
    assert unicodedata.is_normalized("NFC", line)
    bad = {"Cc", "Cs"}
    assert not any(unicodedata.category(char) in bad for char in line)
    assert not set(line) & set(f"{RLO}{ZWSP}\u202a\u202b\u202d\u2066\u2067\u2068\u2069\ufeff\u200e")
    assert not line.startswith((ZWJ, ZWNJ, "\ufe0f"))
    assert not line.endswith((ZWJ, ZWNJ))
    line.encode()


@given(awkward)
def test_a_clean_line_is_clean_and_stays_as_it_is(text: str) -> None:
    line = clean_line(text)
    assert_clean(line)
    assert clean_line(line) == line


@given(awkward)
def test_a_clean_text_has_clean_lines_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_text(text)
    for line in cleaned.split("\n"):
        assert_clean(line)
    assert "\n\n\n\n" not in cleaned
    assert cleaned == cleaned.strip()
    assert clean_text(cleaned) == cleaned


@given(st.lists(awkward.map(clean_line).filter(bool), min_size=1))
def test_a_text_keeps_its_lines(lines: list[str]) -> None:
    for newline in ("\n", "\r\n", "\r", "\u2028"):
        assert clean_text(newline.join(lines)) == "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n \r\n ", ""),
        ("a\nb", "a\nb"),
        ("a\r\nb\rc\u2028d\u2029e\x85f\vg\fh", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("a  \n  b\t", "a\nb"),
        ("a\n\nb", "a\n\nb"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("a\n\n\n\nb", "a\n\n\nb"),
        ("a\r\n \r\n\t\r\n\u200b\r\n\r\nb", "a\n\n\nb"),
        ("\n\na\n\n", "a"),
        (f"a{RLO}\n{ZWSP}b\x00", "a\nb"),
    ],
)
def test_clean_text(text: str, expected: str) -> None:
    assert clean_text(text) == expected


@pytest.mark.parametrize(
    ("name", "title"),
    [
        # A plain name, with every kind of extension.
        ("holiday.mp4", "holiday"),
        ("holiday.MP4", "holiday"),
        ("holiday.webm", "holiday"),
        ("holiday.3gp", "holiday"),
        ("holiday.m2ts", "holiday"),
        ("holiday", "holiday"),
        # Paths.
        ("C:\\Users\\Ann\\My clip.mov", "My clip"),
        ("/home/ann/My clip.mov", "My clip"),
        ("a/b\\c.mp4", "c"),
        ("../../etc/passwd", "passwd"),
        # Separators.
        ("my_holiday_video.mp4", "my holiday video"),
        ("my__holiday.mp4", "my holiday"),
        ("my.holiday.video.mp4", "my holiday video"),
        ("my-holiday-video.mp4", "my holiday video"),
        ("my--holiday.mp4", "my holiday"),
        ("-_.holiday._-.mp4", "holiday"),
        ("IMG_1234.MOV", "IMG 1234"),
        ("MVI-1234.avi", "MVI 1234"),
        ("VID_20240501_123456.mp4", "VID 20240501 123456"),
        # Dashes of names that have other separators are hyphens.
        ("spider-man_trailer.mp4", "spider-man trailer"),
        ("Spider-Man trailer.mp4", "Spider-Man trailer"),
        ("St. Gallen - day 1.mp4", "St. Gallen - day 1"),
        # Numbers.
        ("2024-05-01.mp4", "2024-05-01"),
        ("2024-05-01_party.mp4", "2024-05-01 party"),
        ("2024-05-01-party.mp4", "2024-05-01 party"),
        ("2024.05.01.party.mp4", "2024.05.01 party"),
        ("Screenshot-2024-05-01-at-10.30.15.mkv", "Screenshot 2024-05-01 at 10.30.15"),
        ("Version 1.2", "Version 1.2"),
        ("v1.2.mp4", "v1.2"),
        ("1..2--3.mp4", "1 2 3"),
        # Other scripts and pictures.
        ("été_à_la_plage.mp4", "été à la plage"),
        ("e\u0301te\u0301.mp4", "été"),
        ("家族の動画.mp4", "家族の動画"),
        (f"{FAMILY}.mp4", FAMILY),
        ("🎉.mp4", "🎉"),
        # Characters that must be removed.
        (f"clip{RLO}4pm.exe", "clip4pm"),
        ("a\x00b\x1fc\n.mp4", "abc"),
        ("- holiday.mp4", "holiday"),
        ("-5 degrees.mp4", "-5 degrees"),
        ("  a \t b  .mp4", "a b"),
        # Nothing left.
        ("", "Untitled"),
        (".mp4", "Untitled"),
        ("___.mp4", "Untitled"),
        ("---.mp4", "Untitled"),
        ("...", "Untitled"),
        ("folder/", "Untitled"),
        (f"{ZWSP}{RLO}.mp4", "Untitled"),
        ("\u0301.mp4", "Untitled"),
        ("?!.mp4", "Untitled"),
    ],
)
def test_title_from_filename(name: str, title: str) -> None:
    assert title_from_filename(name) == title


def test_a_long_title_is_cut() -> None:
    assert title_from_filename("a" * 500 + ".mp4") == "a" * 200
    assert title_from_filename("a" * 199 + "_b.mp4") == "a" * 199
    assert title_from_filename("a" * 199 + f"{ZWJ}b.mp4") == "a" * 199


@given(awkward)
def test_every_name_gives_a_title(name: str) -> None:
    title = title_from_filename(name)
    assert 1 <= len(title) <= MAX_TITLE_LENGTH
    assert_clean(title)
    assert "/" not in title
    assert "\\" not in title
    assert "_" not in title


@pytest.mark.parametrize(
    ("title", "extension", "expected"),
    [
        ("My holiday", "mp4", "My holiday.mp4"),
        ("My holiday", ".mp4", "My holiday.mp4"),
        ("My holiday", "", "My holiday"),
        ("2024-05-01: a/b\\c", "mp4", "2024-05-01 a b c.mp4"),
        ('a<b>c:d"e|f?g*h', "mp4", "a b c d e f g h.mp4"),
        ("../../etc/passwd", "mp4", "etc passwd.mp4"),
        (".hidden", "mp4", "hidden.mp4"),
        ("-rf", "mp4", "rf.mp4"),
        (f"-{ZWJ}-rf", "mp4", "rf.mp4"),
        ("The end...", "mp4", "The end.mp4"),
        ("a\r\nSet-Cookie: x", "mp4", "a Set-Cookie x.mp4"),
        (f"a{RLO}b\x00c", "mp4", "abc.mp4"),
        ("CON", "mp4", "_CON.mp4"),
        ("nul.tar", "mp4", "_nul.tar.mp4"),
        ("Com1", "mp4", "_Com1.mp4"),
        ("LPT³ .x", "mp4", "_LPT³ .x.mp4"),
        ("console", "mp4", "console.mp4"),
        ("com10", "mp4", "com10.mp4"),
        ("", "mp4", "video.mp4"),
        ("...", "mp4", "video.mp4"),
        ("???", "mp4", "video.mp4"),
        ("家族", "mp4", "家族.mp4"),
        ("100% fun; really", "mp4", "100% fun; really.mp4"),
        ("a", "m/p\r\n4", "a.mp4"),
    ],
)
def test_safe_filename(title: str, extension: str, expected: str) -> None:
    assert safe_filename(title, extension) == expected


def test_a_long_file_name_is_cut_between_characters() -> None:
    name = safe_filename("家" * 200, "mp4")
    assert name == "家" * 66 + ".mp4"


@given(awkward, st.text())
def test_every_title_gives_a_file_name(title: str, extension: str) -> None:
    name = safe_filename(title, extension)
    assert 1 <= len(name.encode()) <= 215
    assert not set(name) & set('<>:"/\\|?*\0\r\n')
    assert not name.startswith((" ", ".", "-"))
    assert not name.endswith((" ", "."))
    assert_clean(name)
