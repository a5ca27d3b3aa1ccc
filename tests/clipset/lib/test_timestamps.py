from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.timestamps import MAX_SECONDS, parse_timestamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("0090", 90),
        (" 90 ", 90),
        ("90s", 90),
        ("90S", 90),
        ("0s", 0),
        ("1m", 60),
        ("90m", 5400),
        ("1m30s", 90),
        ("2m30s", 150),
        ("1M30S", 90),
        ("1m5s", 65),
        ("1h", 3600),
        ("1h2m3s", 3723),
        ("1h3s", 3603),
        ("1h0m0s", 3600),
        ("1h59m59s", 7199),
        ("1:30", 90),
        ("01:30", 90),
        ("0:07", 7),
        ("75:00", 4500),
        ("1:02:03", 3723),
        ("01:02:03", 3723),
        ("1:2:03", 3723),
        ("99:00:00", MAX_SECONDS),
        ("99h", MAX_SECONDS),
        ("356400", MAX_SECONDS),
    ],
)
def test_times(text: str, seconds: int) -> None:
    assert parse_timestamp(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "-1:30",
        "+1",
        "1.5",
        "1,5",
        "1e3",
        "1_000",
        "0x10",
        "abc",
        "s",
        "h",
        "hms",
        "1d",
        "1m30",
        "1 m",
        "1m 30s",
        "30s1m",
        "1s1s",
        "1m75s",
        "1h60m",
        "1h2m60s",
        "1:75",
        "1:60",
        "1:5",
        "1:",
        ":30",
        "::",
        "1:60:00",
        "1:75:00",
        "1:02:60",
        "1:02:3",
        "1:2:3:04",
        "1:-3",
        "99:00:01",
        "100:00:00",
        "99h1s",
        "100h",
        "356401",
        "9999999",
        "9" * 5000,
        "0" * 5000,
        "9" * 5000 + "h",
        "٩٠",
        "90ſ",
        "²",
        "1:3٠",
        "1\n2",
        "90\0",
        "NaN",
        "inf",
        "None",
    ],
)
def test_nonsense(text: str) -> None:
    assert parse_timestamp(text) is None


@given(
    st.one_of(
        st.text(alphabet=st.characters(exclude_categories=[])),
        st.text(alphabet="0123456789hms: -", max_size=12),
    )
)
def test_any_text_gives_a_time_in_bounds_or_none(text: str) -> None:
    seconds = parse_timestamp(text)
    assert seconds is None or 0 <= seconds <= MAX_SECONDS


@given(st.integers(0, 98), st.integers(0, 59), st.integers(0, 59))
def test_all_spellings_mean_the_same(h: int, m: int, s: int) -> None:
    total = h * 3600 + m * 60 + s
    minutes = 60 * h + m
    assert parse_timestamp(f"{total}") == total
    assert parse_timestamp(f"{total}s") == total
    assert parse_timestamp(f"{h}h{m}m{s}s") == total
    assert parse_timestamp(f"{minutes}m{s}s") == total
    assert parse_timestamp(f"{h}:{m:02}:{s:02}") == total
    assert parse_timestamp(f"{minutes}:{s:02}") == total
