"""Logs never contain tokens."""

from __future__ import annotations

import logging
import sys

import pytest

from clipset.logs import RedactSecrets, redact


def written(message: object, *arguments: object, exception: bool = False) -> str:
    """The line that a handler with the filter writes."""
    record = logging.LogRecord("test", logging.INFO, __file__, 1, message, arguments, None)
    if exception:
        record.exc_info = sys.exc_info()
    assert RedactSecrets().filter(record)
    return logging.Formatter("%(message)s").format(record)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not Found: /s/secret/master.m3u8", "Not Found: /s/…"),
        ("Forbidden (bob): /register/secret/ and more", "Forbidden (bob): /register/… and more"),
        ("GET /password-reset/secret/x/ HTTP/1.1", "GET /password-reset/… HTTP/1.1"),
        ("/login/?next=%2Fs%2Fsecret", "/login/?next=%2Fs%2F…"),
        ("https://clips.example.org/s/secret", "https://clips.example.org/s/…"),
        ("/v/abc/ of alice\nand another line", "/v/abc/ of alice\nand another line"),
        (
            '"GET /s/secret HTTP/1.1" "https://x/s/secret" "a"',
            '"GET /s/… HTTP/1.1" "https://x/s/…" "a"',
        ),
        ("", ""),
    ],
)
def test_addresses_in_a_text_are_redacted(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_arguments_are_redacted() -> None:
    assert written("Not Found: %s (%d)", "/s/secret", 404) == "Not Found: /s/… (404)"
    assert written("%(r)s", {"r": "GET /register/secret/ HTTP/1.1"}) == "GET /register/… HTTP/1.1"


def test_a_message_with_percent_signs_survives() -> None:
    assert written("100 % of /s/%73ecret") == "100 % of /s/…"


def test_exceptions_are_redacted() -> None:
    try:
        raise ValueError("no such page: /register/secret/")
    except ValueError:
        line = written("Internal Server Error: %s", "/register/secret/", exception=True)
    assert "secret" not in line.replace("test_logs.py", "").replace('"no such page: /', "")
    assert "ValueError: no such page: /register/…" in line


def test_what_is_no_text_is_written_too() -> None:
    assert written(ValueError("/s/secret")) == "/s/…"
