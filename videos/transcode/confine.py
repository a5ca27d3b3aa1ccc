"""The limits of a process: what is put in front of a command so that it keeps within them."""

from __future__ import annotations

import functools
import math
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videos.transcode.errors import ProcessingError
from videos.transcode.types import GIB

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one process may use.

    Attributes:
        wall_seconds: time until it is killed.
        memory_bytes: memory that it writes to and shares with none (RLIMIT_DATA; the address
            space, RLIMIT_AS, grows with the number of processors and says little).
        file_bytes: size of any file that it writes (RLIMIT_FSIZE); None for no limit.
        nice: added to our own niceness.
    """

    wall_seconds: float
    memory_bytes: int = 4 * GIB
    file_bytes: int | None = None
    nice: int = 10


def cannot_process(*, detail: str) -> ProcessingError:
    return ProcessingError(
        "The server can't process videos right now. Please tell an admin.", detail=detail
    )


def confined(argv: Sequence[str], limits: Limits) -> list[str]:
    """The argument list with everything in front that keeps the process within its limits.

    Raises:
        ProcessingError: one of the programs is missing.
    """
    cpu = math.ceil(limits.wall_seconds) * (os.cpu_count() or 1) + 1
    wanted = [
        ("data", resource.RLIMIT_DATA, limits.memory_bytes),
        ("cpu", resource.RLIMIT_CPU, cpu),
        ("core", resource.RLIMIT_CORE, 0),
    ]
    if limits.file_bytes is not None:
        wanted.append(("fsize", resource.RLIMIT_FSIZE, limits.file_bytes))
    return [
        *(find_program("nice"), "-n", str(limits.nice)),
        *_without_network(),
        # After unshare: the kernel may clear the death signal when credentials change.
        *(find_program("setpriv"), "--pdeathsig", "KILL", "--no-new-privs", "--"),
        find_program("prlimit"),
        *(f"--{name}={_limit(number, value)}" for name, number, value in wanted),
        "--",
        find_program(argv[0]),
        *argv[1:],
    ]


def _limit(number: int, value: int) -> str:
    """``soft:hard`` for prlimit, no higher than we may go ourselves."""
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    # Past the soft limit the kernel sends SIGXCPU, past the hard one SIGKILL.
    above = value + 5 if number == resource.RLIMIT_CPU else value
    if hard != resource.RLIM_INFINITY:
        above = min(above, hard)
    return f"{value}:{above}"


def find_program(name: str) -> str:
    """Absolute path of a program; the empty environment has no PATH to search.

    Raises:
        ProcessingError: there is none.
    """
    path = shutil.which(name)
    if path is None:
        raise cannot_process(detail=f"{name} is not installed or not in PATH")
    return str(Path(path).absolute())


@functools.cache
def _without_network() -> tuple[str, ...]:
    """The ``unshare`` that works here: as root, as anybody, or none; found out once."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    for option in ("-n", "-rn"):
        trial = subprocess.run([program, option, "true"], check=False, capture_output=True)
        if trial.returncode == 0:
            return (program, option, "--")
    return ()
