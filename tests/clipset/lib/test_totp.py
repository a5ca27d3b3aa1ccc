"""Time-based one-time passwords against the vectors of RFC 6238."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from clipset.lib.totp import code_at, matching_step, new_secret, setup_uri

# RFC 6238, appendix B (SHA-1); the last six of its eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("now", "code"), VECTORS)
def test_codes_are_those_of_the_rfc(now: int, code: str) -> None:
    assert code_at(SECRET, now // 30) == code
    assert matching_step(SECRET, code, now=now) == now // 30


def test_a_code_is_valid_one_step_before_and_after() -> None:
    code = code_at(SECRET, 100)
    valid = [step for step in range(96, 105) if matching_step(SECRET, code, now=step * 30)]
    assert valid == [99, 100, 101]


def test_a_used_code_and_earlier_ones_match_no_more() -> None:
    assert matching_step(SECRET, code_at(SECRET, 100), now=3000, after=99) == 100
    assert matching_step(SECRET, code_at(SECRET, 100), now=3000, after=100) is None
    assert matching_step(SECRET, code_at(SECRET, 99), now=3000, after=100) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\x00"])
def test_nonsense_matches_nothing(code: str) -> None:
    assert matching_step(SECRET, code, now=3000) is None


def test_each_secret_has_160_bits_and_is_its_own() -> None:
    assert len(base64.b32decode(new_secret())) == 20
    assert new_secret() != new_secret()


def test_the_address_for_apps_names_site_and_member() -> None:
    parts = urlsplit(setup_uri(SECRET, account="alice", issuer="Clipset (a.example)"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/Clipset%20%28a.example%29%3Aalice"
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Clipset (a.example)"]}
