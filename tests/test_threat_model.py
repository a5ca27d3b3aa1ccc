"""SECURITY.md names the tests that show what it says."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATH = re.compile(r"`((?:accounts|browser|clipset|siteconfig|videos)/[\w/.]+)`")


def test_each_test_that_the_threat_model_names_exists() -> None:
    named = PATH.findall((ROOT / "SECURITY.md").read_text())
    assert len(named) > 30
    assert [path for path in named if not (ROOT / "tests" / path).exists()] == []
