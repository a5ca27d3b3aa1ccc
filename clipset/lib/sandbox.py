"""Runs a program by bubblewrap: it sees the system's libraries, its input and one folder to write
to; no network, no other process, no capability, and under a seccomp filter.

Started by root, the program gets a user id of its own: bubblewrap keeps the capabilities that
setpriv needs for the switch, and setpriv drops them with it. Input becomes readable through its
group, never by changing its permissions. The folders above it need not be readable: bubblewrap
binds the files themselves, at their own paths. See decision 25.
"""

from __future__ import annotations

import functools
import logging
import math
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clipset.lib.sandbox_identity import Identity, find_program
from clipset.lib.seccomp import filter_program
from clipset.lib.work_folder import lent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

logger = logging.getLogger(__name__)

# Processes and threads together, of all programs with this id. FFmpeg has a dozen for each core.
# systemd lets a service of a small machine have some 2,000, and the web server needs its own.
MAX_PROCESSES: Final = 1024 + 64 * (os.cpu_count() or 1)
TRIAL_SECONDS: Final = 10.0
FAILURE_HOLDS_SECONDS: Final = 600.0

ROOT: Final = Path(__file__).resolve().parents[2]
LIBRARIES: Final = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32")
SHORT_NAMES: Final = ("/bin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS: Final = ("/etc/alternatives", "/etc/ld.so.cache")
DEVICES: Final = ("/dev/null", "/dev/urandom")
FOR_DEVICES: Final = ("/sys/dev/char", "/sys/devices", "/sys/class/drm", "/usr/share/libdrm")
KEPT: Final = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one program may see of the site.

    Attributes:
        reads: files and folders that it may read.
        folder: where it may write new files; those that are there may not be its own to change. It
            starts elsewhere, so paths must be absolute.
        devices: devices that it may use. With any, it sees the kernel's lists of devices too.
    """

    reads: tuple[Path, ...] = ()
    folder: Path | None = None
    devices: tuple[Path, ...] = ()


@contextmanager
def sandboxed(
    argv: Sequence[str], access: Access, *, limits: Sequence[str] = ()
) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Context manager that gives a command that runs `argv` by bubblewrap, and the descriptors
    that it must inherit. At its end, what was written is the site's again.

    A program that ends by a signal gives the status 128 + its number (see `signal_of`).

    Args:
        argv: the command, which begins with an absolute path.
        limits: a command that goes in front of it, such as prlimit, which keeps its own limits.
    """
    programs = [Path(argv[0]), *(Path(each) for each in limits[:1])]
    identity = Identity(access.reads, programs=programs, devices=access.devices)
    with lent(access.folder, identity), _filter(for_devices=bool(access.devices)) as descriptors:
        words = _bubblewrap(access, programs)
        for descriptor in descriptors:
            words += ["--seccomp", str(descriptor)]
        yield [*words, "--", *identity.command(), *limits, *argv], descriptors


def signal_of(status: int) -> int:
    """Returns the signal that ended a program, by its status from subprocess; 0 for none.

    bubblewrap and shells give 128 + its number. Only signals that end programs are meant: FFmpeg
    exits with other such numbers.
    """
    if status < 0:
        return -status
    return status - 128 if status - 128 in ENDING else 0


# SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGALRM, SIGTERM, SIGXCPU,
# SIGXFSZ, SIGSYS
ENDING: Final = frozenset({2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 24, 25, 31})


# -- what is missing


@dataclass(slots=True)
class Trial:
    """The result of the last trial, and until when it holds, by the monotonic clock."""

    reason: str = ""
    until: float = -math.inf

    def result(self, run: Callable[[], str]) -> str:
        """Returns what `run` returned last, "" for success. A failure counts for ten minutes."""
        if time.monotonic() < self.until:
            return self.reason
        self.reason = run()
        self.until = time.monotonic() + FAILURE_HOLDS_SECONDS if self.reason else math.inf
        if self.reason:
            logger.warning("%s Until then what decodes runs with fewer restrictions.", self.reason)
        return self.reason


_last = Trial()


def why_not() -> str:
    """Returns why programs can't be run by bubblewrap here, as a sentence that says what to do; ""
    if they can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is missing. Install it: apt-get install bubblewrap."
    return _last.result(_trial)


def _trial() -> str:
    answer = why_it_ends([find_program("true")], Access())
    if not answer:
        return ""
    return (
        f"bubblewrap can't be used here ({answer}). Let it make name spaces:"
        " see “How FFmpeg is confined” in docs/operations.md."
    )


def why_it_ends(argv: Sequence[str], access: Access) -> str:
    """Runs a harmless command by bubblewrap. Returns its message if it fails, else ""."""
    try:
        with sandboxed(argv, access) as (command, descriptors):
            answer = subprocess.run(
                command,
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                env={},
                timeout=TRIAL_SECONDS,
            )
    except (OSError, subprocess.SubprocessError) as error:
        return type(error).__name__
    if answer.returncode == 0:
        return ""
    return answer.stderr.decode("utf-8", "replace").strip()[-200:].rstrip(".") or "no message"


def lacks_filter() -> bool:
    """Whether there is no seccomp filter for this kind of processor."""
    return _program(for_devices=False) is None


# -- the command


def _bubblewrap(access: Access, programs: Iterable[Path]) -> list[str]:
    if os.geteuid() == 0:
        words = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        words += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
        for name in KEPT:
            words += ["--cap-add", name]
        programs = [*programs, Path(find_program("setpriv"))]
    else:
        words = ["--unshare-all"]
    words += ["--die-with-parent", *_system_words()]
    if access.folder is not None:
        folder = access.folder.absolute()
        words += [*_above(folder), "--bind", str(folder), str(folder)]
    mounts = [(path, path) for program in programs for path in _parts_of(program)]
    mounts += [(path, path.absolute()) for path in access.reads]  # also those in the folder
    for source, target in dict.fromkeys(mounts):
        words += [*_above(target), "--ro-bind-try", str(source), str(target)]
    for device in access.devices:
        words += [*_above(device), "--dev-bind-try", str(device), str(device)]
    if access.devices:
        words += ["--proc", "/proc"]
        for name in FOR_DEVICES:
            words += [*_above(Path(name)), "--ro-bind-try", name, name]
    # Else it could fill the machine's memory there.
    return [find_program("bwrap"), *words, "--remount-ro", "/", "--chdir", "/"]


@functools.cache
def _system_words() -> tuple[str, ...]:
    """Returns the options for what all programs need."""
    words: list[str] = []
    for name in LIBRARIES:
        if Path(name).is_dir():
            words += [*_above(Path(name)), "--ro-bind", name, name]
    for name in SHORT_NAMES:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    for name in SETTINGS:
        words += [*_above(Path(name)), "--ro-bind-try", name, name]
    for name in DEVICES:
        words += [*_above(Path(name)), "--dev-bind-try", name, name]
    if _is_there(ROOT):
        words += ["--tmpfs", str(ROOT)]
    return tuple(words)


def _above(path: Path) -> list[str]:
    """Returns the options for the folders above a mount, which bubblewrap would make for root
    alone."""
    return [
        word
        for folder in reversed(path.parents[:-1])
        if not _is_there(folder)
        for word in ("--perms", "0755", "--dir", str(folder))
    ]


def _is_there(path: Path) -> bool:
    """Whether a path is in what all programs see."""
    return any(path.is_relative_to(name) for name in LIBRARIES)


def _parts_of(program: Path) -> tuple[Path, ...]:
    """Returns a program and its libraries, as far as they are not among the system's."""
    if _is_there(program) or not program.exists():
        return ()
    return _linked(program, program.stat().st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _linked(program: Path, _changed: int) -> tuple[Path, ...]:
    paths, ldd = [program], shutil.which("ldd")
    if ldd is not None:
        answer = subprocess.run(
            [ldd, program],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env={"PATH": os.defpath},
            timeout=TRIAL_SECONDS,
        )
        words = answer.stdout.split() if answer.returncode == 0 else []
        paths += [Path(word) for word in words if word.startswith("/")]
    short = tuple(name + "/" for name in SHORT_NAMES)
    return tuple(one for one in paths if not _is_there(one) and not str(one).startswith(short))


@functools.cache
def _program(*, for_devices: bool) -> bytes | None:
    return filter_program(for_devices=for_devices)


@contextmanager
def _filter(*, for_devices: bool) -> Iterator[tuple[int, ...]]:
    """Context manager that gives a file in memory with the filter, which bubblewrap reads from its
    position on; nothing where there is no filter."""
    program = _program(for_devices=for_devices)
    if program is None:
        yield ()
        return
    descriptor = os.memfd_create("seccomp")
    try:
        os.write(descriptor, program)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield (descriptor,)
    finally:
        os.close(descriptor)
