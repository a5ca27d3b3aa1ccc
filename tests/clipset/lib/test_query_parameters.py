"""Values from query strings and forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clipset.lib.query_parameters import (
    MAX_TEXT,
    int_parameter,
    short_id_parameter,
    text_parameter,
    time_parameter,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        (" 1", None),
        ("²", None),
        ("١", None),
        ("", None),
    ],
)
def test_a_number_is_ascii_digits_that_fit_into_64_bits(text: str, number: int | None) -> None:
    assert int_parameter({"n": text}, "n") == number
    assert int_parameter({}, "n") is None


def test_a_time_is_seconds_since_1970() -> None:
    assert time_parameter({"t": "86400"}, "t") == datetime(1970, 1, 2, tzinfo=UTC)
    assert time_parameter({"t": "99999999999"}, "t") is None
    assert time_parameter({"t": "now"}, "t") is None


def test_a_text_has_no_nul_and_a_limit() -> None:
    assert text_parameter({"q": " a\x00b "}, "q") == "ab"
    assert len(text_parameter({"q": "x" * 5000}, "q")) == MAX_TEXT
    assert text_parameter({}, "q") == ""


@pytest.mark.parametrize("text", ["", "short", "abcde12345x", "abcde1234\n", "abcde\x0012345"])
def test_what_cannot_be_a_short_id_is_none(text: str) -> None:
    assert short_id_parameter({"v": text}, "v") == ""
    assert short_id_parameter({"v": "abcde12345"}, "v") == "abcde12345"
