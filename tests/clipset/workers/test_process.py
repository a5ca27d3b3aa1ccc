from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clipset.workers import process

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's prctl")

# Each starts a child that would live for 30 s, and prints the child's process id.
BOUND_BY_CALL = """
import os, time
from clipset.workers.process import die_with_parent
parent = os.getpid()
child = os.fork()
if child == 0:
    die_with_parent(parent)
    print(os.getpid(), flush=True)
time.sleep(30)
"""
BOUND_BY_HOOK = """
import os, time
from clipset.workers.process import bind_forks_to_parent
bind_forks_to_parent()
child = os.fork()
if child == 0:
    print(os.getpid(), flush=True)
time.sleep(30)
"""
GRANDCHILD_BY_HOOK = """
import os, time
from clipset.workers.process import bind_forks_to_parent
bind_forks_to_parent()
if os.fork() == 0 and os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(30)
"""
BOUND_MULTIPROCESSING = """
import multiprocessing, os, time
from clipset.workers.process import bind_forks_to_parent
def work():
    print(os.getpid(), flush=True)
    time.sleep(30)
bind_forks_to_parent()
multiprocessing.get_context("fork").Process(target=work).start()
time.sleep(30)
"""
BOUND_BEFORE_EXEC = """
import os, time
from clipset.workers.process import die_with_parent
parent = os.getpid()
if os.fork() == 0:
    die_with_parent(parent)
    os.execvp("sh", ["sh", "-c", "echo $$; exec sleep 30"])
time.sleep(30)
"""
NOT_BOUND = """
import os, time
if os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(30)
"""


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are ended after the test, together with their children."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for it in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(it.pid, signal.SIGKILL)
        it.wait()
        if it.stdout:
            it.stdout.close()


def start(script: str, started: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Runs the script in a process group of its own."""
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
    )
    started.append(parent)
    return parent


def ends_within(parent: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether all processes that hold the other end of the parent's output end in time."""
    assert parent.stdout is not None
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([parent.stdout], [], [], left)
        if readable and not os.read(parent.stdout.fileno(), 4096):
            return True
    return False


@linux_only
@pytest.mark.parametrize(
    "script",
    [
        BOUND_BY_CALL,
        BOUND_BY_HOOK,
        GRANDCHILD_BY_HOOK,
        BOUND_MULTIPROCESSING,
        BOUND_BEFORE_EXEC,
    ],
    ids=["call", "hook", "grandchild", "multiprocessing", "exec"],
)
def test_a_killed_parent_takes_its_child_along(
    script: str, started: list[subprocess.Popen[bytes]]
) -> None:
    parent = start(script, started)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    assert not ends_within(parent, 0.2)
    os.kill(parent.pid, signal.SIGKILL)
    assert ends_within(parent, 5)


@linux_only
def test_without_it_the_child_lives_on(started: list[subprocess.Popen[bytes]]) -> None:
    parent = start(NOT_BOUND, started)
    assert parent.stdout is not None
    parent.stdout.readline()
    os.kill(parent.pid, signal.SIGKILL)
    assert not ends_within(parent, 0.5)


@linux_only
def test_a_child_whose_parent_is_gone_already_exits(
    started: list[subprocess.Popen[bytes]],
) -> None:
    # The first hook delays the child until the parent is dead; then our hook runs.
    script = """
import os, time
from clipset.workers.process import bind_forks_to_parent
parent = os.getpid()
def wait_for_its_death():
    while os.getppid() == parent:
        time.sleep(0.01)
    print("orphaned", flush=True)
os.register_at_fork(after_in_child=wait_for_its_death)
bind_forks_to_parent()
if os.fork() == 0:
    print("went on", flush=True)
    time.sleep(30)
os._exit(0)
"""
    parent = start(script, started)
    output, _ = parent.communicate(timeout=10)
    assert output == b"orphaned\n"


@linux_only
def test_another_parent_than_expected_ends_the_process() -> None:
    script = "from clipset.workers.process import die_with_parent; die_with_parent(-1); print('on')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, cwd=ROOT, check=False, timeout=10
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@linux_only
def test_the_expected_parent_lets_it_go_on() -> None:
    script = (
        "import os; from clipset.workers.process import die_with_parent;"
        "die_with_parent(os.getppid()); die_with_parent(); print('on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, cwd=ROOT, check=False, timeout=10
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"on\n", b"")


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_libc", None)
    process.die_with_parent()
    process.die_with_parent(-1)


def test_a_refusal_by_the_kernel_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        @staticmethod
        def prctl(*_: object) -> int:
            ctypes.set_errno(22)
            return -1

    monkeypatch.setattr(process, "_libc", Refusing)
    with pytest.raises(OSError, match="Invalid argument"):
        process.die_with_parent()
