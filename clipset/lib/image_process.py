"""Runs image_child.py by bubblewrap: it sees an interpreter, its standard library and Pillow; no
file of the site or of its members, no network and no other process (clipset.lib.sandbox).

Where bubblewrap is missing or forbidden, the process keeps its own limits, an empty environment and
no capability, but it sees the files of its user (clipset.lib.sandbox_fallback). Checks, doctor and
admin say so.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import select
import signal
import subprocess
import sys
import sysconfig
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from clipset.lib.sandbox import Access, Trial, sandboxed, why_it_ends, why_not
from clipset.lib.sandbox_fallback import fallback

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILD: Final = Path(__file__).with_name("image_child.py")
MAX_WORDS: Final = 2000
SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the process ended: its status (see sandbox.signal_of), result and message."""

    status: int
    result: bytes
    words: str


def run_child(content: bytes, arguments: list[str], *, seconds: float) -> Ended:
    """Runs the process for one image and returns how it ended.

    The image, the result and the message are files in memory, of which it cannot change the first.
    So the kernel limits what it writes (RLIMIT_FSIZE), and no pipes have to be read in parallel.

    Raises: subprocess.TimeoutExpired; OSError if no process can be started.
    """
    with _memory("picture") as source, _memory("result") as result, _memory("words") as words:
        source.write(content)
        source.seek(0)
        fcntl.fcntl(source, fcntl.F_ADD_SEALS, SEALS)
        with _confined(arguments) as (command, descriptors):
            process = subprocess.Popen(
                command,
                stdin=source,
                stdout=result,
                stderr=words,
                env={},  # no secrets
                pass_fds=descriptors,
                process_group=0,
            )
            try:
                status = _wait(process, seconds)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        result.seek(0)
        words.seek(0)
        return Ended(
            status=status,
            result=result.read() if status == 0 else b"",
            words=words.read(MAX_WORDS).decode("ascii", "replace"),
        )


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Returns the status at once; `wait` with a time limit looks only every 50 ms.

    Raises: subprocess.TimeoutExpired.
    """
    ended = os.pidfd_open(process.pid)
    try:
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        if not waiting.poll(seconds * 1000):
            raise subprocess.TimeoutExpired(process.args, seconds)
    finally:
        os.close(ended)
    return process.wait()


@contextmanager
def _confined(arguments: list[str]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Context manager that gives the command, which ends together with the thread that starts it,
    and the descriptors that it must inherit."""
    python = _python()
    # Without the site's packages: only the folder that the last argument names.
    command = [str(python.program), "-I", "-S", "-B", str(CHILD), *arguments, str(python.packages)]
    if why_not() or why_not_python():
        yield [*fallback(kept="dac_read_search"), *command], ()
        return
    with sandboxed(command, Access(reads=(CHILD, *python.reads))) as confined:
        yield confined


def why_not_python() -> str:
    """Returns why this Python can't be run by bubblewrap, although other programs can, as a
    sentence; "" if it can."""
    return _last.result(_trial)


_last = Trial()


def _trial() -> str:
    python = _python()
    words = f"import sys; sys.path.append({str(python.packages)!r}); import PIL.Image"
    command = [str(python.program), "-I", "-S", "-B", "-c", words]
    message = why_it_ends(command, Access(reads=python.reads))
    if not message:
        return ""
    return (
        "The decoder of images sees all files of its user, because this Python can't be run by"
        f" bubblewrap ({message.splitlines()[-1]}). Use the Python of the system."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Python:
    """An interpreter, the folder of packages that has Pillow, and all folders that it reads."""

    program: Path
    packages: Path
    reads: tuple[Path, ...]


@functools.cache
def _python() -> _Python:
    """Returns the interpreter of which this one is a virtual environment, and what it needs.

    Raises: FileNotFoundError if Pillow is not installed.
    """
    program = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    base = {"platbase": sys.base_exec_prefix}  # not the virtual environment
    libraries = {Path(sysconfig.get_path(name, vars=base)) for name in ("stdlib", "platstdlib")}
    found = importlib.util.find_spec("PIL")  # which does not load it
    if found is None or found.origin is None:
        raise FileNotFoundError("Pillow is not installed")
    pillow = Path(found.origin).parent
    own = (pillow, pillow.with_name("pillow.libs"))
    reads = (*sorted(libraries), *(folder for folder in own if folder.is_dir()))
    return _Python(program=program, packages=pillow.parent, reads=reads)


def _memory(name: str) -> IO[bytes]:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    return os.fdopen(descriptor, "w+b", buffering=0)
