"""Links to times and addresses in members' text, and what must stay text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.ui.member_text import first_moment, prose


def html(text: str, end: float | None = None) -> str:
    return str(prose(text, link=lambda seconds: f"/v/x/?t={seconds}", end=end))


def seconds_in(text: str, end: float | None = None) -> list[int]:
    return [int(found) for found in re.findall(r'data-seconds="(\d+)"', html(text, end))]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1:23", [83]),
        ("at 1:02:03, and (0:05)!", [3723, 5]),
        ("2m30s", [150]),
        ("1h2m3s and 1H02M", [3723, 3720]),
        ("0:10-0:20", [10, 20]),
        ("“1:23”", [83]),
        ("1:23.", [83]),
        # Texts that only look like times.
        ("1:75", []),
        ("16:9", []),
        ("the 80s, 5m wide", []),
        ("2024-05-01T10:30", []),
        ("1:2:3:4:55", []),
        ("1:23.5", []),
        ("version1:23", []),
        ("https://example.org/1:23", []),
        ("localhost:80:30", []),
        ("999999:00", []),
        ("١:٢٣", []),
    ],
)
def test_times_become_links_and_nothing_else_does(text: str, seconds: list[int]) -> None:
    assert seconds_in(text) == seconds
    assert first_moment(text) == (seconds[0] if seconds else None)


def test_a_time_beyond_the_end_stays_text() -> None:
    assert seconds_in("0:10 or 8:30", end=60) == [10]


def test_a_link_to_a_moment_leads_there_without_scripts() -> None:
    assert html("See 1:23") == (
        '<p>See <a class="moment" href="/v/x/?t=83" data-seconds="83">1:23</a></p>'
    )


def test_a_link_passes_on_neither_rank_nor_the_window() -> None:
    assert html("https://example.org/?a=1&b=2.") == (
        '<p><a href="https://example.org/?a=1&amp;b=2" rel="nofollow ugc noopener">'
        "https://example.org/?a=1&amp;b=2</a>.</p>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https:",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</p><h1>big",
        '<a href="javascript:alert(1)">1</a>',
        "&lt;b&gt;",
        '" onmouseover="alert(1)',
    ],
)
def test_pasted_html_and_other_schemes_stay_text(text: str) -> None:
    shown = html(text)
    assert set(re.findall(r"<(/?\w+)", shown)) <= {"p", "/p"}
    assert shown.startswith("<p>")


@pytest.mark.parametrize(
    "text", ['https://x.org/"onclick="alert(1)', "https://x.org/<b>", "www.x.org/'x='", "a@b.org/"]
)
def test_an_address_cannot_leave_its_link(text: str) -> None:
    for tag in re.findall(r"<[^>]*>", html(text)):
        assert re.fullmatch(
            r'</?p>|</a>|<a href="(?:https?://|mailto:)[^"<>]*" rel="nofollow ugc noopener">', tag
        ), tag


def test_lines_and_paragraphs_are_kept() -> None:
    assert html("a\nb\n\nc") == "<p>a<br>b</p>\n\n<p>c</p>"


@given(st.text(alphabet="<>&\"'=:/.@ 0123456789hmsa\n", max_size=60))
def test_whatever_is_written_only_our_own_tags_come_out(text: str) -> None:
    for tag in re.findall(r"<[^>]*>", html(text)):
        assert re.match(r"</?p>|<br>|</a>|<a ", tag), (text, tag)


@pytest.mark.parametrize("piece", ["1:", "1:23", "(", "https://", "a@", "&amp;", "1h", ":.", "<"])
def test_long_nonsense_takes_no_long_time(piece: str) -> None:
    text = (piece * 5000)[:5000]
    before = time.process_time()
    html(text)
    first_moment(text)
    assert time.process_time() - before < 0.5


def test_a_reference_to_a_character_without_end_is_text() -> None:
    text = f"a@b.&#{'1' * 4900};"
    assert html(f"{text} at 1:23") == (
        f"<p>{text.replace('&', '&amp;')} at "
        '<a class="moment" href="/v/x/?t=83" data-seconds="83">1:23</a></p>'
    )
