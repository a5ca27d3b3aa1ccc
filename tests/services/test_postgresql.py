"""Clipset on PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VIDEOS = "tests/videos"
REST = ("tests", f"--ignore={VIDEOS}")


@pytest.mark.postgresql
@pytest.mark.parametrize("where", [(VIDEOS,), REST], ids=["videos", "all the rest"])
def test_what_concerns_the_database_holds_on_postgresql_too(
    postgresql: str, where: tuple[str, ...], pytestconfig: pytest.Config
) -> None:
    """Runs every test marked `both_databases` once more: models, quota, jobs, queries."""
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
        [sys.executable, "-m", "pytest", *arguments, *where],
        cwd=ROOT,
        env=os.environ | {"CLIPSET_TEST_DATABASE_URL": postgresql},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"on PostgreSQL:\n{run.stdout}\n{run.stderr}"
    assert re.search(r"\b[1-9]\d* passed", run.stdout)
