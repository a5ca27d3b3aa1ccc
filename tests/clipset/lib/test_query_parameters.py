"""Values from query strings and forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clipset.lib.keyset import encode_cursor
from clipset.lib.query_parameters import (
    MAX_TEXT,
    int_parameter,
    next_address,
    parse_cursor,
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


def test_a_cursor_has_the_number_and_the_types_of_values_that_its_list_is_sorted_by() -> None:
    assert parse_cursor(encode_cursor((5, "x")), int, str) == (5, "x")
    assert parse_cursor(encode_cursor((5,)), int) == (5,)
    assert parse_cursor(encode_cursor(("5",)), int) is None
    assert parse_cursor(encode_cursor((5, 6)), int) is None
    assert parse_cursor(encode_cursor((5,)), int, int) is None
    assert parse_cursor("nonsense", int) is None
    assert parse_cursor("", int) is None


def test_the_next_address_keeps_the_parameters_that_are_set() -> None:
    cursor = encode_cursor((5,))
    assert next_address((5,)) == f"?after={cursor}"
    assert next_address((5,), {"q": "a b", "sort": ""}) == f"?q=a+b&after={cursor}"
