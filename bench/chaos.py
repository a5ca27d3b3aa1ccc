"""Runs the chaos test for longer: `python -m bench chaos` with 200 kills, or with another number
`python -m bench.chaos 50`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(kills: int = 200) -> int:
    """Runs the test with so many kills and shows its output. Returns its exit status."""
    command = [sys.executable, "-m", "pytest", "--long", "-n", "0", "-q", "-s", "-k", "many"]
    return subprocess.run(
        [*command, "tests/scripts/test_chaos.py"],
        cwd=ROOT,
        env=os.environ | {"CHAOS_KILLS": str(kills)},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
