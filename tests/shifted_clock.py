"""A wall clock that a test sets for the processes that it starts (tests/clock_shift.c)."""

from __future__ import annotations

import mmap
import struct
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tests.parts import require

SOURCE = Path(__file__).with_name("clock_shift.c")


class ShiftedClock:
    """The clock of all processes that are started with `environment`."""

    def __init__(self, library: Path, file: Path) -> None:
        file.write_bytes(bytes(8))
        with file.open("r+b") as opened:
            self._shift = mmap.mmap(opened.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(file)}

    def set_ahead(self, by: timedelta) -> None:
        """Sets the clock ahead, or behind if negative; running processes see it at once."""
        self._shift[:] = struct.pack("q", int(by.total_seconds()))

    def set_right(self) -> None:
        self.set_ahead(timedelta(0))


@pytest.fixture(scope="session")
def clock_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("clock") / "clock_shift.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    subprocess.run([require("compiler"), *flags, "-o", library, SOURCE], check=True)
    return library


@pytest.fixture
def shifted_clock(clock_library: Path, tmp_path: Path) -> ShiftedClock:
    return ShiftedClock(clock_library, tmp_path / "clock-shift")
