"""Real processes that tests start, and what they wait for."""

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
    """Below /tmp, since a socket's path may have 107 characters only; no capitals (URLs)."""
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
    """Runs in the background, bound to this process; its output goes to `log`."""
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
    """A Clipset of its own: a migrated database and what manage.py does with it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.database = folder / "site.db"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "clipset.settings",
            "DATABASE_URL": f"sqlite:///{self.database}",
            # The project's own media folder is no test's.
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
        """What the code printed."""
        return self.manage("shell", "--no-imports", "-c", code)

    @contextmanager
    def workers(self) -> Iterator[subprocess.Popen[bytes]]:
        """The queue's cluster, as scripts/run starts it."""
        command = [sys.executable, "manage.py", "qcluster"]
        log = self.folder / "queue.log"
        with process(command, log=log, cwd=ROOT, env=self.environment) as cluster:
            yield cluster


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
