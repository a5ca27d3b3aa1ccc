"""The web server with the settings of deploy/gunicorn.conf.py."""

from __future__ import annotations

import http.client
import os
import re
import resource
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
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
        wait_for(lambda: log.read_text().count("Booting worker") == 2, name="gunicorn")
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


# -- Idle connections -----------------------------------------------------------------------------
def answer_seconds(port: int) -> float:
    """How long a new visitor waits for an answer."""
    began = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("GET", "/", headers={"Connection": "close"})
    assert client.getresponse().read() == b"1"
    client.close()
    return time.monotonic() - began


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "begin"),
    [
        (2100, b""),
        (2100, b"GET / HT"),
        (2100, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (5000, b""),  # more than the web server holds
        (5000, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ],
    ids=["silent", "in a head", "kept", "silent, more", "kept, more"],
)
def test_idle_connections_delay_the_next_visitor_by_at_most_a_second(
    tmp_path: Path, count: int, begin: bytes
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
    try:
        with ExitStack() as idle, serving(tmp_path, "1") as (port, log):
            for _ in range(count):
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                idle.enter_context(client).sendall(begin)
                if begin.endswith(b"\r\n\r\n"):
                    assert client.recv(1000)  # until then it is no idle connection
            assert max(answer_seconds(port) for _ in range(10)) < 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Traceback" not in log.read_text()


@pytest.mark.long
def test_the_web_server_survives_too_few_files(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as idle, serving(tmp_path, "1") as (port, log):
        found = re.findall(r"Booting worker with pid: (\d+)", log.read_text())
        for pid in found:
            resource.prlimit(int(pid), resource.RLIMIT_NOFILE, (100, hard))
        for _ in range(500):
            idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        assert max(answer_seconds(port) for _ in range(5)) < 1
        assert len(re.findall("Booting worker", log.read_text())) == len(found) == 2
    assert soft == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
