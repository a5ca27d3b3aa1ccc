"""The web server as deploy/gunicorn.conf.py sets it up."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from tests.processes import free_port, process, wait_for

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 1  # seconds, instead of 60


def test_an_upload_may_take_longer_than_the_workers_timeout(tmp_path: Path) -> None:
    """The timeout is about the worker's main thread, not about a request in one of its threads."""
    (tmp_path / "count.py").write_text(
        "def application(environ, start_response):\n"
        "    count = str(len(environ['wsgi.input'].read())).encode()\n"
        "    start_response('200 OK', [('Content-Length', str(len(count)))])\n"
        "    return [count]\n"
    )
    port, log = free_port(), tmp_path / "log"
    options = ("--config", "deploy/gunicorn.conf.py", "--timeout", str(TIMEOUT))
    command = [sys.executable, "-m", "gunicorn", *options, "count:application"]
    environment = os.environ | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }
    with process(command, log=log, cwd=ROOT, env=environment):
        wait_for(lambda: "Booting worker" in log.read_text(), name="gunicorn")
        pieces = 8
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(
                f"POST /s/secret HTTP/1.1\r\nHost: x\r\nContent-Length: {pieces}\r\n\r\n".encode()
            )
            for _ in range(pieces):
                time.sleep(3 * TIMEOUT / pieces)
                client.sendall(b"x")
            answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n8")
    written = log.read_text()
    assert "WORKER TIMEOUT" not in written
    assert '"POST /s/… HTTP/1.1" 200' in written
    assert "secret" not in written
