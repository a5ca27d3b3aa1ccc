"""Logs never contain tokens."""

from __future__ import annotations

import logging
import sys

import pytest
from django.test import Client

from clipset.logs import OneLineForBadRequests, RedactSecrets, redact


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


# -- Broken requests -----------------------------------------------------------------------------
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=xx"
FILE = 'Content-Disposition: form-data; name="f"; filename="x"'


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("host", "kind", "body"),
    [
        ("evil.example", FORM, ""),
        ("a/b@c", FORM, ""),
        ("testserver", "multipart/form-data", "x"),
        ("testserver", PARTS + "\xff", "x"),
        ("testserver", PARTS, "--xx\r\nX: " + "y" * 30_000 + "\r\n\r\n--xx--\r\n"),
        ("testserver", PARTS, f"--xx\r\n{FILE}\r\n\r\nx\r\n" * 200 + "--xx--\r\n"),
        ("testserver", FORM + "; charset=latin-1", "a=b"),
        ("testserver", FORM, "&".join(f"a{n}=1" for n in range(2000))),
        ("testserver", FORM, "a=" + "b" * 1_200_000),
    ],
)
def test_a_broken_request_is_one_line(
    caplog: pytest.LogCaptureFixture, host: str, kind: str, body: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32, "host": host}
    answer = client.post("/login/", body, content_type=kind, headers=headers)
    assert 400 <= answer.status_code < 500
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert records
    for record in records:
        assert OneLineForBadRequests().filter(record)
        assert "\n" not in logging.Formatter().format(record)


def test_the_fault_of_a_client_is_named_and_our_own_has_its_trace() -> None:
    def line(status: int) -> str:
        try:
            raise ValueError("no\nform")
        except ValueError:
            record = logging.LogRecord("x", 40, __file__, 1, "Bad: %s", ("/",), sys.exc_info())
        record.status_code = status
        assert OneLineForBadRequests().filter(record)
        return logging.Formatter().format(record)

    assert line(400) == "Bad: / (ValueError: no form)"
    assert "Traceback" in line(500)
