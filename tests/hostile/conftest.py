"""A server that must get no request, and secrets that must not appear in any output."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.hostile.bait import SECRET, Bait

if TYPE_CHECKING:
    from collections.abc import Iterator


class Listener:
    """Answers and counts connections; even one without a request is a failure."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:  # closed
                return
            self.connections += 1
            with closing(caller):
                caller.settimeout(5)
                try:
                    caller.recv(4096)
                    caller.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    continue

    def close(self) -> None:
        # shutdown ends a blocked accept(), close does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    started = Listener()
    yield started
    started.close()


@pytest.fixture(scope="session")
def bait(listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Bait:
    folder = tmp_path_factory.mktemp("secrets")
    secret, video = folder / "secret.txt", folder / "video.mp4"
    secret.write_text(f"{SECRET}\n" * 100)
    magenta = "color=magenta:size=320x180:rate=10:duration=2"
    made = clips.make(
        "mp4", "-f", "lavfi", "-i", magenta, *clips.x264(), "-metadata", f"title={SECRET}"
    )
    video.write_bytes(made.read_bytes())
    return Bait(secret, video, f"http://127.0.0.1:{listener.port}")


@pytest.fixture
def never_asked(listener: Listener) -> Iterator[None]:
    before = listener.connections
    yield
    assert listener.connections == before, "the server was asked"
