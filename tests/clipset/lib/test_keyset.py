from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.keyset import (
    MAX_CURSOR_LENGTH,
    decode_cursor,
    encode_cursor,
    next_address,
    parse_cursor,
)

texts = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
)
integers = st.integers(-(2**63), 2**63 - 1)
cursors = st.lists(texts | integers, min_size=1, max_size=4).map(tuple)


@given(cursors)
def test_what_is_encoded_is_decoded(values: tuple[str | int, ...]) -> None:
    text = encode_cursor(values)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert len(text) <= MAX_CURSOR_LENGTH
    decoded = decode_cursor(text)
    assert decoded == values
    assert decoded is not None
    assert [type(it) for it in decoded] == [type(it) for it in values]


def test_common_cursors_are_short() -> None:
    created_and_id = ("2024-05-01T12:30:15.123456+00:00", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    assert len(encode_cursor(created_and_id)) < 110
    assert len(encode_cursor((500, "aB3dE5gH7j"))) < 30


def packed(value: object) -> str:
    return packed_bytes(json.dumps(value, separators=(",", ":")).encode())


def packed_bytes(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "!!!!",
        "a b",
        "é",
        "\0",
        "\ud800",
        "WzFd\n",
        "WzFd=",
        "WzFd====",
        packed(None),
        packed(1),
        packed("a"),
        packed({"a": 1}),
        packed([]),
        packed([None]),
        packed([True]),
        packed([1.0]),
        packed([[1]]),
        packed([{}]),
        packed([2**63]),
        packed([-(2**63) - 1]),
        packed(["a\0b"]),
        packed(["\ud800"]),
        packed(["é"]),  # written as \u00e9: not our spelling
        packed_bytes(b"[1, 2]"),
        packed_bytes(b"[1]\n"),
        packed_bytes(b"[-0]"),
        packed_bytes(b"[NaN]"),
        packed_bytes(b"[Infinity]"),
        packed_bytes(b"[1e400]"),
        packed_bytes(b'["\xff"]'),
        packed_bytes(b'["\xed\xa0\x80"]'),
        packed_bytes(b"\xef\xbb\xbf[1]"),
        packed_bytes(b"\x80\x04K\x01."),
        packed_bytes(b"[" + b"9" * 700 + b"]"),
        packed_bytes(b"[" * 768),
        "W" * (MAX_CURSOR_LENGTH + 1),
        packed_bytes(b"[" * 100_000),
        packed_bytes(b"[" + b"9" * 100_000 + b"]"),
        "WzFe",
        "WzF+",
        "WzF/",
    ],
)
def test_anything_else_is_no_cursor(text: str) -> None:
    assert decode_cursor(text) is None


def test_a_cursor_has_one_spelling() -> None:
    text = encode_cursor((1, 2))
    assert decode_cursor(text) == (1, 2)
    assert text == "WzEsMl0"
    # The last character has two unused bits.
    assert decode_cursor("WzEsMl1") is None


@given(
    st.one_of(
        st.text(alphabet=st.characters(exclude_categories=[])),
        st.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True),
        st.binary(max_size=100).map(packed_bytes),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(packed),
    )
)
def test_decoding_never_raises_and_gives_only_what_would_be_encoded(text: str) -> None:
    values = decode_cursor(text)
    assert values is None or encode_cursor(values) == text


@pytest.mark.parametrize(
    "values",
    [
        (),
        (True,),
        (1.5,),
        (None,),
        (b"a",),
        (2**63,),
        (-(2**63) - 1,),
        ("a\0",),
        ("\ud800",),
        ("a" * 800,),
        tuple(range(1000)),
    ],
)
def test_what_cannot_be_a_cursor_is_refused(values: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match="cursor"):
        encode_cursor(values)


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
