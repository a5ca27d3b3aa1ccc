"""When demo content is put into an empty database, and what a wrong clock left."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from scripts.prepare import is_loopback, mend_clock, seed_wanted
from tests.builders import make_user

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


@pytest.mark.django_db
def test_a_start_mends_what_a_clock_ahead_left_and_says_that_it_was_ahead() -> None:
    assert mend_clock() is None
    ahead = timezone.now() + timedelta(days=40)
    bob = make_user("bob", created_at=ahead, last_upload_reset=ahead)
    warning = mend_clock()
    assert warning
    assert f"the newest entry in the database is from {ahead:%Y-%m-%d %H:%M} UTC" in warning
    bob.refresh_from_db()
    assert bob.last_upload_reset <= timezone.now()
