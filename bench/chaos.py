"""Runs the chaos test for longer: `python -m bench chaos`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the test with 200 kills and shows its output. Returns its exit status."""
    command = [sys.executable, "-m", "pytest", "--long", "-n", "0", "-q", "-s", "-k", "200"]
    return subprocess.run(
        [*command, "tests/scripts/test_chaos.py"], cwd=ROOT, check=False
    ).returncode
