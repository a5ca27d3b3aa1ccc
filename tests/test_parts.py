"""Tests that a missing program skips a test with a reason, and fails it with CI=true."""

from __future__ import annotations

import pytest

from tests.parts import PARTS, require


@pytest.fixture(autouse=True)
def a_part_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "harp", (("harp-of-gold",), "harp"))
    monkeypatch.setitem(PARTS, "shell", (("no-such-shell", "sh"), "dash"))


def test_the_first_program_that_is_there_is_taken() -> None:
    assert require("shell").endswith("/sh")


@pytest.mark.parametrize("ci", [None, "", "false"])
def test_a_missing_part_skips(monkeypatch: pytest.MonkeyPatch, ci: str | None) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(
        pytest.skip.Exception, match="harp-of-gold is missing: apt-get install harp"
    ):
        require("harp")


def test_with_ci_a_missing_part_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="with CI=true nothing may be missing"):
        require("harp")
