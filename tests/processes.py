"""Starts real processes for tests and waits for them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def short_folder() -> Iterator[Path]:
    """Makes a folder for sockets, whose paths may have at most 107 characters.

    Its name has no capitals, which a URL would not keep.
    """
    folder = Path(tempfile.mkdtemp(prefix="clipset-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(what: Callable[[], object], *, seconds: float = 20, name: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"{name or what} did not come within {seconds} s"
        time.sleep(0.05)


@contextmanager
def process(
    command: Sequence[str | Path],
    *,
    stop: signal.Signals = signal.SIGTERM,
    log: Path,
    **options: object,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command in the background and ends it afterwards; its output goes to `log`.

    The kernel kills it if this process ends first.
    """
    with log.open("ab") as output:
        started = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,  # type: ignore[call-overload]
        )
    try:
        yield started
    finally:
        started.send_signal(stop)
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


class Site:
    """A site that shares the project's code and has its own database; runs manage.py in it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.database = folder / "site.db"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "clipset.settings",
            "DATABASE_URL": f"sqlite:///{self.database}",
            # So that no test uses the project's own media folder.
            "STORAGE_ROOTS": f"images={folder / 'images'}",
            **settings,
        }

    def manage(self, *arguments: str) -> str:
        answer = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout.strip()

    def shell(self, code: str) -> str:
        """Runs code in the site. Returns what it printed."""
        return self.manage("shell", "--no-imports", "-c", code)

    @contextmanager
    def workers(self) -> Iterator[subprocess.Popen[bytes]]:
        """Starts the default cluster of the task queue as scripts/run does."""
        command = [sys.executable, "manage.py", "qcluster"]
        log = self.folder / "queue.log"
        with process(command, log=log, cwd=ROOT, env=self.environment) as cluster:
            yield cluster


def free_port() -> int:
    """Returns a port of loopback that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
