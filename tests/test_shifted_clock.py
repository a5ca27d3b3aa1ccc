"""Tests that Python, SQLite and child processes see the clock that tests set."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.shifted_clock import ShiftedClock

TELL = """
import sqlite3, subprocess, sys, time
from datetime import datetime
now = sqlite3.connect(":memory:").execute("SELECT unixepoch()").fetchone()[0]
child = subprocess.run([sys.executable, "-c", "import time; print(int(time.time()))"],
                       capture_output=True, check=True).stdout
print(int(time.time()), int(datetime.now().timestamp()), now, int(child), flush=True)
"""


def test_all_that_ask_for_the_time_get_the_shifted_one(shifted_clock: ShiftedClock) -> None:
    command = [sys.executable, "-c", f"while input():{TELL.replace(chr(10), chr(10) + ' ')}"]
    with subprocess.Popen(
        command,
        env=os.environ | shifted_clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asked:
        assert asked.stdin
        assert asked.stdout
        told = []
        for days in (0, 40, -40):
            shifted_clock.set_ahead(timedelta(days=days))
            asked.stdin.write("go\n")
            asked.stdin.flush()
            told.append([int(it) for it in asked.stdout.readline().split()])
        asked.stdin.write("\n")
        asked.stdin.close()
    for days, times in zip((0, 40, -40), told, strict=True):
        assert len(times) == 4
        for moment in times:
            assert abs(moment - told[0][0] - days * 24 * 3600) < 60
