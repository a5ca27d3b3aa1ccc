"""Every setting stands in .env.example and docs/configuration.md, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.setting_names import setting_names

ROOT = Path(__file__).resolve().parent.parent
# Not read by settings.py but by scripts/run and pip's runner.
ELSEWHERE = {"SEED", "PYTHON"}
# Only for the environment: a file cannot name itself, and Python is looked for before it is read.
NOT_IN_FILE = {"CLIPSET_ENV_FILE", "PYTHON"}


def in_example() -> set[str]:
    """Every line is `# NAME=default`, or words that explain."""
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE))


def in_documentation() -> set[str]:
    """Rows of the tables: | `NAME` | default | meaning |."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    return set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", text, re.MULTILINE))


def test_settings_are_found_in_the_source() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "VIDEO_STORAGE_PATH"} <= setting_names()


def test_every_setting_is_documented_and_none_that_does_not_exist() -> None:
    assert in_documentation() == setting_names() | ELSEWHERE


def test_every_setting_has_a_line_in_the_example() -> None:
    assert in_example() == (setting_names() | ELSEWHERE) - NOT_IN_FILE


def test_the_example_sets_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_every_check_is_documented() -> None:
    checks = ROOT.glob("*/checks.py")
    ids = {found for file in checks for found in re.findall(r"clipset\.[EW]\d+", file.read_text())}
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert ids == set(re.findall(r"clipset\.[EW]\d+", text))
