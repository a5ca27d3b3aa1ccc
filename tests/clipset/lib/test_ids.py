from __future__ import annotations

import hashlib
import re
import string

from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.ids import SHORT_ID_PATTERN, hash_token, new_short_id, new_token


def test_short_ids_fit_their_pattern_and_differ() -> None:
    ids = {new_short_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(SHORT_ID_PATTERN, it) for it in ids)
    assert set("".join(ids)) == set(string.ascii_letters + string.digits)


def test_the_pattern_takes_nothing_else() -> None:
    for wrong in (
        "",
        "a" * 9,
        "a" * 11,
        "a" * 9 + "-",
        "a" * 9 + "é",
        "a" * 9 + "٣",
        "a" * 10 + "\n",
    ):
        assert not re.fullmatch(SHORT_ID_PATTERN, wrong)


def test_tokens_are_url_safe_and_differ() -> None:
    tokens = {new_token() for _ in range(500)}
    assert len(tokens) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", it) for it in tokens)


def test_a_hash_is_sha256_in_hex() -> None:
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    token = new_token()
    assert hash_token(token) == hash_token(token) == hashlib.sha256(token.encode()).hexdigest()


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_has_a_hash(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", hash_token(text))
