from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.timestamps import parse_timestamp
from clipset.lib.units import (
    clock,
    compact_count,
    human_bytes,
    human_duration,
    plural,
    spoken_duration,
)

KB, MB, GB, TB = 1024, 1024**2, 1024**3, 1024**4


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (2, "2 bytes"),
        (1023, "1,023 bytes"),
        (KB, "1 KB"),
        (KB + 51, "1 KB"),
        (KB + 52, "1.1 KB"),
        (1536, "1.5 KB"),
        (2 * KB - 1, "2 KB"),
        (int(9.94 * KB), "9.9 KB"),
        (int(9.96 * KB), "10 KB"),
        (10 * KB + 511, "10 KB"),
        (10 * KB + 512, "11 KB"),
        (512 * KB, "512 KB"),
        (1023 * KB, "1,023 KB"),
        (MB - 513, "1,023 KB"),
        (MB - 512, "1 MB"),
        (MB - 1, "1 MB"),
        (MB, "1 MB"),
        (700_000_000, "668 MB"),
        (GB - 1, "1 GB"),
        (int(1.3 * GB), "1.3 GB"),
        (2_147_483_648, "2 GB"),
        (4_294_967_296, "4 GB"),
        (int(3.96 * GB), "4 GB"),
        (TB - 1, "1 TB"),
        (5 * 1024**5, "5 PB"),
        (2**63 - 1, "8 EB"),
        (2000 * 1024**6, "2,000 EB"),
        (-1, "-1 byte"),
        (-1536, "-1.5 KB"),
    ],
)
def test_human_bytes(n: int, expected: str) -> None:
    assert human_bytes(n) == expected


@given(st.integers(0, 2**63 - 1))
def test_bytes_are_right_to_the_last_digit_shown(n: int) -> None:
    text = human_bytes(n)
    match = re.fullmatch(r"([0-9](?:\.[1-9])?|[0-9,]{2,5}) (bytes?|KB|MB|GB|TB|PB|EB)", text)
    assert match is not None, text
    number, unit = match.groups()
    assert float(number.replace(",", "")) < 1024
    power = ["byte", "KB", "MB", "GB", "TB", "PB", "EB"].index(unit.removesuffix("s"))
    shown = float(number.replace(",", "")) * 1024**power
    precision = (0.05 if float(number.replace(",", "")) < 10 else 0.5) * 1024**power
    # 10 may also be a rounded value just below it.
    assert abs(shown - n) <= precision * (1 + 1e-9)


@given(st.integers(0, 2**63 - 2), st.integers(1, 2**40))
def test_more_bytes_never_look_like_less(n: int, more: int) -> None:
    def size(text: str) -> float:
        number, unit = text.replace(",", "").split()
        units = ["byte", "KB", "MB", "GB", "TB", "PB", "EB"]
        return float(number) * 1024.0 ** units.index(unit.removesuffix("s"))

    assert size(human_bytes(n)) <= size(human_bytes(n + more))


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (1099, "1K"),
        (1100, "1.1K"),
        (1204, "1.2K"),
        (1999, "1.9K"),
        (9999, "9.9K"),
        (10_000, "10K"),
        (12_999, "12K"),
        (999_999, "999K"),
        (1_000_000, "1M"),
        (3_049_000, "3M"),
        (3_100_000, "3.1M"),
        (999_999_999, "999M"),
        (1_000_000_000, "1B"),
        (7_500_000_000_000, "7.5T"),
        (-1204, "-1.2K"),
    ],
)
def test_compact_count(n: int, expected: str) -> None:
    assert compact_count(n) == expected


@given(st.integers(0, 10**15 - 1))
def test_a_compact_count_is_short_and_claims_no_more_than_there_is(n: int) -> None:
    text = compact_count(n)
    assert len(text) <= 4
    match = re.fullmatch(r"([0-9]{1,3}|[0-9]\.[1-9])([KMBT]?)", text)
    assert match is not None
    tenths = round(float(match.group(1)) * 10) * 1000 ** " KMBT".index(match.group(2) or " ")
    assert tenths <= 10 * n
    assert tenths >= 9 * n


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0:00"),
        (0.99, "0:00"),
        (7, "0:07"),
        (7.999, "0:07"),
        (59, "0:59"),
        (60, "1:00"),
        (83, "1:23"),
        (600, "10:00"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (3723, "1:02:03"),
        (360_000, "100:00:00"),
        (-5, "0:00"),
    ],
)
def test_clock(seconds: float, expected: str) -> None:
    assert clock(seconds) == expected


@given(st.integers(0, 99 * 3600))
def test_what_a_clock_shows_is_read_back(seconds: int) -> None:
    assert parse_timestamp(clock(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (0.5, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (83, "1 minute 23 seconds"),
        (121, "2 minutes 1 second"),
        (3600, "1 hour"),
        (3601, "1 hour 1 second"),
        (3723, "1 hour 2 minutes 3 seconds"),
        (7320, "2 hours 2 minutes"),
        (-3, "0 seconds"),
    ],
)
def test_spoken_duration(seconds: float, expected: str) -> None:
    assert spoken_duration(seconds) == expected


@given(st.integers(0, 10**7))
def test_a_spoken_duration_adds_up(seconds: int) -> None:
    worth = {"hour": 3600, "minute": 60, "second": 1}
    parts = re.findall(r"([0-9,]+) (hour|minute|second)", spoken_duration(seconds))
    assert sum(int(n.replace(",", "")) * worth[unit] for n, unit in parts) == seconds


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "a few seconds"),
        (0, "a few seconds"),
        (9.99, "a few seconds"),
        (10, "less than a minute"),
        (59.9, "less than a minute"),
        (60, "about 1 minute"),
        (89, "about 1 minute"),
        (90, "about 2 minutes"),
        (120, "about 2 minutes"),
        (3569, "about 59 minutes"),
        (3570, "about 1 hour"),
        (3600, "about 1 hour"),
        (5399, "about 1 hour"),
        (5400, "about 2 hours"),
        (3 * 3600, "about 3 hours"),
        (47 * 3600, "about 47 hours"),
        (48 * 3600, "about 2 days"),
        (7 * 86400, "about 7 days"),
    ],
)
def test_human_duration(seconds: float, expected: str) -> None:
    assert human_duration(seconds) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_durations_take_any_finite_number(seconds: float) -> None:
    assert clock(seconds)
    assert spoken_duration(seconds)
    assert human_duration(seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (plural(0, "view"), "0 views"),
        (plural(1, "view"), "1 view"),
        (plural(2, "view"), "2 views"),
        (plural(1204, "view"), "1,204 views"),
        (plural(-1, "view"), "-1 views"),
        (plural(1, "category", "categories"), "1 category"),
        (plural(3, "category", "categories"), "3 categories"),
    ],
)
def test_plural(text: str, expected: str) -> None:
    assert text == expected
