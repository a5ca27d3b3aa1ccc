"""Limits of a process: wraps a command in small programs that each set one limit.

Each program sets one thing and ``exec``s the next, so that the started process becomes the command
itself at the end:

    nice, unshare (no network), setpriv (dies with its parent), prlimit, the command

This replaces ``preexec_fn``, which runs Python in a forked child and may deadlock.
"""

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
        wall_seconds: time until the process is killed.
        memory_bytes: private writable memory (RLIMIT_DATA). RLIMIT_AS is not used, because the
            address space grows with the number of processors.
        file_bytes: size of each file that it writes (RLIMIT_FSIZE); None for no limit.
        nice: added to the niceness of this process.
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
    """Returns the command with the programs in front of it that set the limits.

    Raises:
        ProcessingError: a program is missing.
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
        # After unshare, because the kernel may clear the death signal when credentials change.
        *(find_program("setpriv"), "--pdeathsig", "KILL", "--no-new-privs", "--"),
        find_program("prlimit"),
        *(f"--{name}={_limit(number, value)}" for name, number, value in wanted),
        "--",
        find_program(argv[0]),
        *argv[1:],
    ]


def _limit(number: int, value: int) -> str:
    """Returns ``soft:hard`` for prlimit, not above the hard limit of this process."""
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    # Above the soft limit the kernel sends SIGXCPU, above the hard one SIGKILL.
    above = value + 5 if number == resource.RLIMIT_CPU else value
    if hard != resource.RLIM_INFINITY:
        above = min(above, hard)
    return f"{value}:{above}"


def find_program(name: str) -> str:
    """Returns the absolute path of a program, since commands run without a PATH.

    Raises:
        ProcessingError: the program is missing.
    """
    path = shutil.which(name)
    if path is None:
        raise cannot_process(detail=f"{name} is not installed or not in PATH")
    return str(Path(path).absolute())


@functools.cache
def _without_network() -> tuple[str, ...]:
    """Returns the ``unshare`` command that works here (as root, or as a user), or nothing."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    for option in ("-n", "-rn"):
        trial = subprocess.run([program, option, "true"], check=False, capture_output=True)
        if trial.returncode == 0:
            return (program, option, "--")
    return ()
