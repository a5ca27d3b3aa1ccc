"""Tests how tests are distributed to workers, and that the rules for skipping hold there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.parallel import LONGEST_FIRST, MAX_WORKERS, unit, workers_for
from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE = "tests/services/test_redis.py"


@pytest.mark.parametrize(
    ("node", "together_with"),
    [
        ("tests/clipset/test_urls.py::test_one", "tests/clipset/test_urls.py::test_other[a::b]"),
        ("tests/scripts/test_run.py::test_one", "tests/scripts/test_lib.py::test_other"),
    ],
)
def test_a_file_and_a_folder_of_whole_sites_stay_together(node: str, together_with: str) -> None:
    assert unit(node) == unit(together_with)


def test_files_are_dealt_apart() -> None:
    one, other = (f"tests/accounts/{name}.py::test_one" for name in ("test_login", "test_quota"))
    assert unit(one) != unit(other)


def test_what_begins_first_is_there() -> None:
    assert all((ROOT / start).exists() for start in LONGEST_FIRST)


@pytest.mark.parametrize(
    ("arguments", "several"),
    [
        (["tests"], True),
        (["tests/clipset/test_urls.py", "tests/test_parts.py"], True),
        (["tests/clipset/test_urls.py"], False),
        (["tests/clipset/test_urls.py::test_one[a::b]"], False),
    ],
)
def test_a_single_file_needs_no_workers(arguments: list[str], several: bool) -> None:
    workers = workers_for(arguments, ROOT)
    assert (workers > 0) is several
    assert workers <= MAX_WORKERS


def test_with_ci_a_missing_part_fails_in_a_worker_too_and_the_summary_comes_last(
    tmp_path: Path,
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", FILE],
        cwd=ROOT,
        env=os.environ | {"CI": "true", "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "redis-server is missing: apt-get install redis-server" in run.stdout
    assert re.fullmatch(r"=+ .*\d errors? in .*=+", run.stdout.splitlines()[-1])
