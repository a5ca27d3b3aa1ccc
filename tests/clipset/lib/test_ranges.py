from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.ranges import (
    Part,
    Range,
    Unsatisfiable,
    Whole,
    if_range_matches,
    resolve_range,
)

NINES = "9" * 5000
ZEROS = "0" * 5000


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        # Single.
        ("bytes=0-0", 10, Part(0, 0)),
        ("bytes=0-9", 10, Part(0, 9)),
        ("bytes=9-9", 10, Part(9, 9)),
        ("bytes=3-7", 10, Part(3, 7)),
        ("bytes=0-0", 1, Part(0, 0)),
        ("bytes=003-007", 10, Part(3, 7)),
        ("Bytes=0-1", 10, Part(0, 1)),
        # Open.
        ("bytes=0-", 10, Part(0, 9)),
        ("bytes=9-", 10, Part(9, 9)),
        # Suffix.
        ("bytes=-1", 10, Part(9, 9)),
        ("bytes=-10", 10, Part(0, 9)),
        ("bytes=-11", 10, Part(0, 9)),
        # Clamped, huge.
        ("bytes=3-10", 10, Part(3, 9)),
        (f"bytes=3-{NINES}", 10, Part(3, 9)),
        (f"bytes=-{NINES}", 10, Part(0, 9)),
        (f"bytes={ZEROS}3-{ZEROS}4", 10, Part(3, 4)),
        (f"bytes={2**63}-", 2**63 + 1, Part(2**63, 2**63)),
        # One among empty list elements.
        ("bytes=,3-4", 10, Part(3, 4)),
        ("bytes= ,\t, 3-4 , ,", 10, Part(3, 4)),
        ("bytes=3-4,", 10, Part(3, 4)),
        # Not satisfiable.
        ("bytes=10-", 10, Unsatisfiable()),
        ("bytes=10-10", 10, Unsatisfiable()),
        ("bytes=11-20", 10, Unsatisfiable()),
        (f"bytes={NINES}-", 10, Unsatisfiable()),
        (f"bytes={NINES}-{NINES}", 10, Unsatisfiable()),
        ("bytes=-0", 10, Unsatisfiable()),
        ("bytes=-000", 10, Unsatisfiable()),
        # An empty file.
        ("bytes=0-", 0, Unsatisfiable()),
        ("bytes=0-0", 0, Unsatisfiable()),
        ("bytes=-0", 0, Unsatisfiable()),
        ("bytes=-5", 0, Whole()),
        (None, 0, Whole()),
        # No range, another unit, syntax errors.
        (None, 10, Whole()),
        ("", 10, Whole()),
        ("bytes", 10, Whole()),
        ("bytes=", 10, Whole()),
        ("bytes=-", 10, Whole()),
        ("bytes=--5", 10, Whole()),
        ("bytes=5", 10, Whole()),
        ("bytes=5-4", 10, Whole()),
        ("bytes=20-11", 10, Whole()),
        ("bytes=1-2-3", 10, Whole()),
        ("bytes=+1-2", 10, Whole()),
        ("bytes=1- 2", 10, Whole()),
        ("bytes= 1-2", 10, Whole()),
        ("bytes =1-2", 10, Whole()),
        ("bytes:1-2", 10, Whole()),
        ("bytes=a-b", 10, Whole()),
        ("bytes=0x1-0x2", 10, Whole()),
        ("bytes=1.0-2.0", 10, Whole()),
        ("bytes=1_0-1_1", 20, Whole()),
        ("bytes=١-٢", 10, Whole()),
        ("bytes=²-³", 10, Whole()),
        ("byteſ=1-2", 10, Whole()),
        ("bytes=1-2\n", 10, Whole()),
        ("bytes=1-2\0", 10, Whole()),
        ("items=0-1", 10, Whole()),
        ("xbytes=0-1", 10, Whole()),
        # Several ranges.
        ("bytes=0-1,3-4", 10, Whole()),
        ("bytes=0-1,,-2", 10, Whole()),
        ("bytes=0-0,0-0", 10, Whole()),
        ("bytes=0-1,x", 10, Whole()),
    ],
)
def test_ranges(header: str | None, size: int, expected: Range) -> None:
    assert resolve_range(header, size) == expected


def test_the_length_of_a_part_counts_both_ends() -> None:
    assert Part(0, 0).length == 1
    assert Part(3, 9).length == 7


sizes = st.integers(0, 40)
positions = st.integers(0, 50)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", Part(0, 9)),
        ("bytes=85-", Part(85, 94)),
        ("bytes=90-", Part(90, 99)),
        ("bytes=95-", Part(95, 99)),
        ("bytes=100-", Unsatisfiable()),
        # These ranges name their end.
        ("bytes=0-49", Part(0, 49)),
        ("bytes=50-999", Part(50, 99)),
        ("bytes=-50", Part(50, 99)),
        (None, Whole()),
    ],
)
def test_open_ranges_are_cut_to_a_piece(header: str | None, expected: Range) -> None:
    assert resolve_range(header, 100, piece=10) == expected


@given(positions, positions, sizes)
def test_a_single_range_is_what_slicing_gives(first: int, last: int, size: int) -> None:
    data = bytes(range(size))
    result = resolve_range(f"bytes={first}-{last}", size)
    if last < first:
        assert result == Whole()
    elif first >= size:
        assert result == Unsatisfiable()
    else:
        assert isinstance(result, Part)
        assert data[result.start : result.end + 1] == data[first : last + 1]


@given(positions, sizes)
def test_an_open_range_is_what_slicing_gives(first: int, size: int) -> None:
    data = bytes(range(size))
    result = resolve_range(f"bytes={first}-", size)
    if isinstance(result, Part):
        assert data[result.start : result.end + 1] == data[first:]
    else:
        assert result == Unsatisfiable()
        assert first >= size


@given(st.integers(1, 50), st.integers(1, 40))
def test_a_suffix_is_what_slicing_gives(length: int, size: int) -> None:
    data = bytes(range(size))
    result = resolve_range(f"bytes=-{length}", size)
    assert isinstance(result, Part)
    assert data[result.start : result.end + 1] == data[-length:]


anything = st.one_of(
    st.text(),
    st.from_regex(r"bytes=[0-9,\- \t]{0,40}", fullmatch=True),
    st.from_regex(r"[ -~]{0,40}", fullmatch=True),
)


@given(anything, st.integers(0, 2**64))
def test_any_header_gives_a_part_within_the_file_or_none(header: str, size: int) -> None:
    result = resolve_range(header, size)
    if isinstance(result, Part):
        assert 0 <= result.start <= result.end < size
        assert result.length >= 1


@pytest.mark.parametrize(
    "header",
    [
        "bytes=" + " ," * 20_000 + "x",
        "bytes=" + ", \t" * 20_000 + "1-2" + ", \t" * 20_000 + "x",
        "bytes=" + " " * 50_000 + "1-2",
        "bytes=" + "1" * 50_000,
        "bytes=1-2" + " " * 2_000 + "x",
    ],
)
def test_long_headers_take_no_time(header: str) -> None:
    started = thread_time()
    assert resolve_range(header, 10) == Whole()
    assert thread_time() - started < 1


DATE = datetime(2024, 5, 1, 12, 30, 15, 999_999, tzinfo=UTC)
DATE_TEXT = "Wed, 01 May 2024 12:30:15 GMT"


@pytest.mark.parametrize(
    ("header", "etag", "last_modified", "expected"),
    [
        (None, '"a"', DATE, True),
        (None, "", None, True),
        ('"a"', '"a"', None, True),
        (' "a"\t', '"a"', None, True),
        ('""', '""', None, True),
        ('"a"', '"b"', DATE, False),
        ('"a"', '"A"', None, False),
        # Weak on either side, or on both.
        ('W/"a"', '"a"', None, False),
        ('"a"', 'W/"a"', None, False),
        ('W/"a"', 'W/"a"', None, False),
        ('w/"a"', 'w/"a"', None, False),
        # No list, no star, no bare value.
        ('"a", "b"', '"a"', None, False),
        ("*", '"a"', DATE, False),
        ("a", "a", None, False),
        ('"', '"', None, False),
        ("", "", None, False),
        ("", '"a"', DATE, False),
        # Dates.
        (DATE_TEXT, '"a"', DATE, True),
        (DATE_TEXT, "", DATE, True),
        (DATE_TEXT, '"a"', DATE.astimezone(timezone(timedelta(hours=2))), True),
        (DATE_TEXT, '"a"', None, False),
        (DATE_TEXT, '"a"', DATE + timedelta(seconds=1), False),
        (DATE_TEXT, '"a"', DATE - timedelta(seconds=1), False),
        ("Wed, 01 May 2024 12:30:16 GMT", '"a"', DATE, False),
        ("Wed, 01 May 2024 12:30:15 +0000", '"a"', DATE, False),
        ("Wednesday, 01-May-24 12:30:15 GMT", '"a"', DATE, False),
        ("2024-05-01T12:30:15Z", '"a"', DATE, False),
        ("nonsense", '"a"', DATE, False),
    ],
)
def test_if_range(
    header: str | None, etag: str, last_modified: datetime | None, expected: bool
) -> None:
    assert if_range_matches(header, etag, last_modified) is expected


@given(st.text(), st.text(), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_if_range_takes_any_text(header: str, etag: str, last_modified: datetime | None) -> None:
    matches = if_range_matches(header, etag, last_modified)
    assert not matches or header.strip(" \t") == etag or last_modified is not None


@given(st.text(alphabet=st.characters(codec="latin-1", exclude_characters='"\0\r\n')))
def test_a_strong_tag_matches_itself_and_never_its_weak_form(opaque: str) -> None:
    etag = f'"{opaque}"'
    assert if_range_matches(etag, etag, None)
    assert not if_range_matches(f"W/{etag}", etag, None)
    assert not if_range_matches(etag, f"W/{etag}", None)
