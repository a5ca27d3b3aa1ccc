"""Observes a site that scripts/run started: its processes, answers, files and logs."""

from __future__ import annotations

import http.client
import os
import signal
import stat
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripts.conftest import Clone

BACK_WITHIN = 20  # seconds; 0.5 to 3.5 on an idle machine, and this one may be busy with tests
GONE_WITHIN = 10  # seconds, as promised
MAIN, SUPERVISOR, WEB, WEB_WORKER, QUEUE, SENTINEL, QUEUE_WORKER = range(7)
WHOLE = {MAIN: 1, SUPERVISOR: 1, WEB: 1, WEB_WORKER: 2, QUEUE: 2, SENTINEL: 2, QUEUE_WORKER: 8}


def cast(clone: Clone) -> dict[int, list[int]]:
    """Returns the site's process ids by part.

    Each of the two task queues has a sentinel, which has 2 workers, a monitor and a pusher.
    """
    processes = clone.processes()
    parts: dict[int, list[int]] = {part: [] for part in WHOLE}
    for process, (parent, command) in sorted(processes.items()):
        mothers = processes.get(parent, (0, ""))
        if "scripts/run" in command:
            parts[MAIN].append(process)
        elif "deploy/supervise" in command:
            parts[SUPERVISOR].append(process)
        elif "gunicorn" in command:
            parts[WEB_WORKER if "gunicorn" in mothers[1] else WEB].append(process)
        elif "qcluster" in command:
            grandmother = processes.get(mothers[0], (0, ""))[1]
            depth = ("qcluster" in mothers[1]) + ("qcluster" in grandmother)
            parts[(QUEUE, SENTINEL, QUEUE_WORKER)[depth]].append(process)
    return parts


def is_whole(clone: Clone) -> bool:
    return {part: len(found) for part, found in cast(clone).items()} == WHOLE and healthy(clone)


def get(clone: Clone, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", clone.port, timeout=5)
    try:
        connection.request("GET", path, headers={"Referer": f"http://127.0.0.1{path}"})
        return connection.getresponse().status
    finally:
        connection.close()


def answers(clone: Clone) -> bool:
    """Returns whether the site answers at all; with a full disk it is not healthy."""
    try:
        return get(clone, "/healthz") > 0
    except OSError:
        return False


def healthy(clone: Clone) -> bool:
    try:
        return get(clone, "/healthz") == 200
    except OSError:
        return False


@contextmanager
def running(
    clone: Clone, command: str = "scripts/run", **environment: str
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        # In a shell's background SIGINT is ignored, and a bash that inherits this can't trap it.
        ["env", "--default-signal=INT", command],
        cwd=clone.root,
        env=clone.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o022,  # as in most shells; the settings of this test run are stricter
    )
    try:
        yield process
    finally:
        for left in clone.processes():
            os.kill(left, signal.SIGKILL)
        process.wait()
        assert process.stdout
        process.stdout.close()


def too_open(clone: Clone) -> list[str]:
    """Lists files and folders that other users may read or the group may change."""
    return [
        f"{path.relative_to(clone.root)} {stat.S_IMODE(found.st_mode):o}"
        for name in ("data", "media")
        for path in (clone.root / name, *(clone.root / name).rglob("*"))
        if not stat.S_ISLNK((found := path.lstat()).st_mode) and found.st_mode & 0o027
    ]


def umasks(clone: Clone) -> set[str]:
    """Returns the umasks of all the site's processes."""
    return {
        line.split()[1]
        for process in clone.processes()
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("Umask:")
    }


def logs(clone: Clone) -> str:
    """Returns the contents of all log files."""
    files = (file for file in (clone.root / "data/log").rglob("*") if file.is_file())
    return "".join(file.read_text() for file in files)


def started(process: subprocess.Popen[str]) -> str:
    """Waits until scripts/run says that the site runs. Returns its output so far."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Started in"):
            return said
    raise AssertionError(f"it did not start:\n{said}")


def end(clone: Clone, process: subprocess.Popen[str], number: signal.Signals) -> float:
    """Sends the signal. Returns the seconds until no process of the site runs."""
    since = time.monotonic()
    process.send_signal(number)
    wait_for(lambda: process.poll() is not None, seconds=GONE_WITHIN, name="the end")
    # A child that was killed with its parent may take a moment to end.
    wait_for(lambda: not clone.processes(), seconds=1, name="the end of all it started")
    return time.monotonic() - since


def processor_seconds(clone: Clone) -> float:
    """Returns the CPU seconds of the site's processes and of their ended children.

    Unlike time, this hardly depends on how busy the machine is.
    """
    ticks = 0
    for process in clone.processes():
        with suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / os.sysconf("SC_CLK_TCK")


def none_runs(clone: Clone, processes: set[int]) -> bool:
    return not processes & set(clone.processes())


def children(clone: Clone, process: int) -> set[int]:
    """Returns the process and all its descendants."""
    found = {process}
    processes = clone.processes()
    while more := {child for child, (parent, _) in processes.items() if parent in found} - found:
        found |= more
    return found
