"""Clipset on PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.postgresql
def test_what_concerns_the_database_holds_on_postgresql_too(postgresql: str) -> None:
    """Runs every test marked `both_databases` once more: models, quota, jobs, queries."""
    arguments = ("-m", "both_databases", "-q", "-p", "no:cacheprovider", "--no-header")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env=os.environ | {"CLIPSET_TEST_DATABASE_URL": postgresql},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = run.stdout.strip().splitlines()[-1:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert run.returncode == 0, f"on PostgreSQL:\n{run.stdout}\n{run.stderr}"
    assert passed, summary
    print(f"on PostgreSQL: {summary[0]}")
