"""A known vulnerability fails scripts/audit.py; a list that can't be reached is only reported."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.audit import judge

FINE = {"name": "django", "version": "5.2.19", "vulns": []}
UNKNOWN = {"name": "pillow", "skip_reason": "not found"}
HOLE = {"id": "CVE-2026-1", "fix_versions": ["13.0.1"]}
BAD = {"name": "pillow", "version": "13.0.0", "vulns": [HOLE, HOLE | {"fix_versions": []}]}

LINES = """\
pillow 13.0.0: CVE-2026-1, fixed in 13.0.1
pillow 13.0.0: CVE-2026-1, fixed in no version yet"""


@pytest.mark.parametrize(
    ("dependencies", "well", "sentence"),
    [
        ([FINE, FINE], True, "none."),
        ([FINE, UNKNOWN], True, "none, but these could not be checked: pillow."),
        ([UNKNOWN], True, "not checked: the list of vulnerabilities can't be reached from here."),
        (
            [FINE, UNKNOWN, BAD],
            False,
            LINES,
        ),
    ],
)
def test_the_answer_is_judged(
    dependencies: list[dict[str, Any]], well: bool, sentence: str
) -> None:
    assert judge(dependencies) == (well, sentence)
