"""When scripts/prepare.py creates sample data, and how it corrects a wrong clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from clipset.server.reach import exposed_by
from scripts.prepare import mend_clock, seed_wanted
from tests.builders import make_user

if TYPE_CHECKING:
    from pytest_django import Settings


EVERYWHERE = "0.0.0.0"  # noqa: S104 nothing is bound here


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
    settings.EXPOSED_BY = exposed_by(
        host=host, site_url=site_url, allowed_hosts=[], trusted_origins=[], behind_proxy=False
    )
    assert seed_wanted() == expected


@pytest.mark.parametrize("seed", ["demo", "none"])
def test_what_the_operator_says_goes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, seed: str
) -> None:
    monkeypatch.setenv("SEED", seed)
    settings.EXPOSED_BY = []
    assert seed_wanted() == seed


def test_no_demo_content_where_others_can_reach_the_site(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPOSED_BY = ["HOST", "ALLOWED_HOSTS"]
    monkeypatch.setenv("SEED", "none")
    assert seed_wanted() == "none"
    monkeypatch.setenv("SEED", "demo")
    with pytest.raises(SystemExit, match=r"others can reach this site \(HOST, ALLOWED_HOSTS\)"):
        seed_wanted()


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
