"""Limits of a process: wraps a command in programs that confine it (decision 25).

    nice, bubblewrap (``clipset.lib.sandbox``), prlimit, the command

Where bubblewrap is missing or forbidden, small programs each set one thing and ``exec`` the next:

    nice, unshare (no network), setpriv (no capabilities, dies with its parent), prlimit, command

It then sees all files of its user; ``weaknesses`` says so. All this replaces ``preexec_fn``, which
runs Python in a forked child and may deadlock.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clipset.lib.image_process import why_not_python
from clipset.lib.sandbox import MAX_PROCESSES, Access, lacks_filter, sandboxed, why_not
from clipset.lib.sandbox_fallback import fallback, without_network
from clipset.lib.work_folder import lent
from videos.transcode.errors import ProcessingError
from videos.transcode.types import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Each pipe and socket has memory of the kernel, which no limit of memory counts.
MAX_OPEN_FILES: Final = 1024


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


@contextmanager
def confined(
    argv: Sequence[str], limits: Limits, access: Access | None
) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Context manager that gives the command with what confines it in front of it, and the
    descriptors that it must inherit.

    Args:
        access: what the command may see; None to let it see everything, which is for tests.

    Raises:
        ProcessingError: a program is missing.
    """
    command = [find_program(argv[0]), *argv[1:]]
    nice = [find_program("nice"), "-n", str(limits.nice)]
    prlimit = [find_program("prlimit"), *_prlimit_words(limits), "--"]
    if access is None or why_not():
        with lent(access.folder if access else None):
            yield [*nice, *_chain(), *prlimit, *command], ()
        return
    prlimit.insert(1, f"--nproc={_limit(resource.RLIMIT_NPROC, MAX_PROCESSES)}")
    with sandboxed(command, access, limits=prlimit) as (words, descriptors):
        yield [*nice, *words], descriptors


def weaknesses() -> list[str]:
    """Returns one sentence for each thing that is missing to confine FFmpeg and the decoder of
    images, with what to do."""
    found = []
    if reason := why_not():
        network = "" if without_network() else " and reach the network"
        found.append(
            f"FFmpeg and the decoder of images see all files of their user{network}, because"
            f" {reason[0].lower()}{reason[1:]}"
        )
    elif lacks_filter():
        found.append(
            "FFmpeg and the decoder of images run without a seccomp filter, because Clipset has"
            " none for this kind of processor. All else that confines them works."
        )
    if not reason and (reason := why_not_python()):
        found.append(reason)
    return found


def _prlimit_words(limits: Limits) -> list[str]:
    cpu = math.ceil(limits.wall_seconds) * (os.cpu_count() or 1) + 1
    wanted = [
        ("data", resource.RLIMIT_DATA, limits.memory_bytes),
        ("cpu", resource.RLIMIT_CPU, cpu),
        ("core", resource.RLIMIT_CORE, 0),
        ("nofile", resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
    ]
    if limits.file_bytes is not None:
        wanted.append(("fsize", resource.RLIMIT_FSIZE, limits.file_bytes))
    return [f"--{name}={_limit(number, value)}" for name, number, value in wanted]


def _chain() -> list[str]:
    try:
        return fallback(kept="dac_override")
    except FileNotFoundError as error:
        raise cannot_process(detail=str(error)) from error


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
