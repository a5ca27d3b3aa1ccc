"""Runs what may differ between SQLite and PostgreSQL on PostgreSQL as well."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.selection import ON_BOTH_DATABASES

if TYPE_CHECKING:
    from tests.projects import Databases

ROOT = Path(__file__).resolve().parents[2]


def files_with_tests_for_both() -> list[str]:
    """Files that may have tests marked `both_databases`; collecting all others takes seconds."""
    tests = ROOT / "tests"
    return [
        str(path)
        for path in sorted(tests.rglob("test_*.py"))
        if path.relative_to(tests).as_posix().startswith(ON_BOTH_DATABASES)
        or "both_databases" in path.read_text()
    ]


@pytest.mark.postgresql
def test_what_concerns_the_database_holds_on_postgresql_too(
    postgresql_databases: Databases, pytestconfig: pytest.Config
) -> None:
    """Runs tests marked `both_databases` a second time; tests/selection.py says which."""
    arguments = (
        "-m",
        "both_databases",
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "--tb=short",
        *(["--long"] if pytestconfig.getoption("--long") else []),
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *files_with_tests_for_both()],
        cwd=ROOT,
        env=os.environ | {"CLIPSET_TEST_DATABASE_URL": postgresql_databases.migrated()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"on PostgreSQL:\n{run.stdout}\n{run.stderr}"
    assert re.search(r"\b[1-9]\d* passed", run.stdout)
