"""The web server with the settings of deploy/gunicorn.conf.py."""

from __future__ import annotations

import http.client
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clipset.server.web_worker import SWITCH_SECONDS
from tests.processes import free_port, process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 3  # seconds, instead of 60; the main thread beats every second


def slowly(pieces: int) -> Iterator[bytes]:
    for _ in range(pieces):
        time.sleep(2 * TIMEOUT / pieces)
        yield b"x"


@contextmanager
def serving(folder: Path, answer: str, *options: str) -> Iterator[tuple[int, Path]]:
    """Runs gunicorn with the deployed configuration. Gives its port and its log.

    Its application answers with the value of `answer`, an expression of `environ`.
    """
    (folder / "small.py").write_text(
        "import sys\n"
        "def application(environ, start_response):\n"
        f"    answer = str({answer}).encode()\n"
        "    start_response('200 OK', [('Content-Length', str(len(answer)))])\n"
        "    return [answer]\n"
    )
    port, log = free_port(), folder / "log"
    config = ("--config", "deploy/gunicorn.conf.py", *options)
    command = [sys.executable, "-m", "gunicorn", *config, "small:application"]
    environment = os.environ | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
    }
    with process(command, log=log, cwd=ROOT, env=environment):
        wait_for(lambda: "Booting worker" in log.read_text(), name="gunicorn")
        yield port, log


def test_an_upload_may_take_longer_than_the_workers_timeout(tmp_path: Path) -> None:
    """The timeout applies to the worker's main thread, not to requests in its other threads."""
    count = "len(environ['wsgi.input'].read())"
    with serving(tmp_path, count, "--timeout", str(TIMEOUT)) as (port, log):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request("POST", "/s/secret", slowly(8), {"Content-Length": "8"})
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b"8")
        client.close()
        wait_for(lambda: "POST /s/" in log.read_text(), name="the access log")
    written = log.read_text()
    assert "WORKER TIMEOUT" not in written
    assert '"POST /s/… HTTP/1.1" 200' in written
    assert "secret" not in written


def test_threads_of_a_worker_take_turns_quickly(tmp_path: Path) -> None:
    with serving(tmp_path, "sys.getswitchinterval()") as (port, _):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request("GET", "/")
        assert float(client.getresponse().read()) == pytest.approx(SWITCH_SECONDS)
        client.close()
