"""When demo content is put into an empty database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.prepare import is_loopback, seed_wanted

if TYPE_CHECKING:
    from pytest_django import Settings


EVERYWHERE = "0.0.0.0"  # noqa: S104 nothing is bound here


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.168.1.5", False),
        ("clips.example.org", False),
        ("localhost.example.org", False),
        ("", False),
        (None, False),
    ],
)
def test_what_only_this_machine_reaches(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "site_url", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", "demo"),
        ("::1", "http://[::1]:8000", "demo"),
        ("localhost", "http://localhost:8000", "demo"),
        ("127.0.0.1", "https://clips.example.org", "none"),
        (EVERYWHERE, "http://127.0.0.1:8000", "none"),
        ("192.168.1.5", "http://192.168.1.5:8000", "none"),
    ],
)
def test_well_known_passwords_are_only_made_where_nobody_else_comes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, host: str, site_url: str, expected: str
) -> None:
    monkeypatch.delenv("SEED", raising=False)
    settings.HOST, settings.SITE_URL = host, site_url
    assert seed_wanted() == expected


@pytest.mark.parametrize("seed", ["demo", "none"])
def test_what_the_operator_says_goes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, seed: str
) -> None:
    monkeypatch.setenv("SEED", seed)
    for settings.HOST in ("127.0.0.1", EVERYWHERE):
        assert seed_wanted() == seed


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "yes")
    with pytest.raises(SystemExit, match="SEED is 'yes'; it must be demo or none"):
        seed_wanted()
