"""A bad line: a proxy that cuts connections where it was told to."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING

from tests.videos.live import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT_ONCE = 64 * 1024  # bytes
LAST_ANSWER = b"\r\nclipset-video:"  # in small letters


class Way(Enum):
    """What becomes of a connection."""

    RESET = "both sides are told at once that it is gone"
    CLOSE = "both sides see its end"
    SILENCE = "the client is told, the server hears nothing any more"
    KILL = "the server is killed"


class BadLine:
    """Passes on what comes at `port`. `troubles` are pairs: after so many bytes from the client,
    all its connections together, what happens. The first answer that tells of a finished upload
    is lost as well, with its connection."""

    def __init__(self, to: int, troubles: list[tuple[int, Way]], kill: Callable[[], None]) -> None:
        self.to = to
        self.troubles = sorted(troubles, key=lambda trouble: trouble[0])
        self.kill = kill
        self.passed = 0
        self.has_lost_answer = False
        self.lock = threading.Lock()
        self.silent: list[socket.socket] = []
        self.listener = socket.create_server((HOST, 0))
        self.port: int = self.listener.getsockname()[1]

    @contextmanager
    def open(self) -> Iterator[BadLine]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            for line in self.silent:
                line.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self.to))
        except OSError:  # it was killed and is not back yet
            client.close()
            return
        down = threading.Thread(target=self._pass_down, args=(server, client), daemon=True)
        down.start()
        with suppress(OSError):
            while data := client.recv(AT_ONCE):
                data, way = self._next(data)
                server.sendall(data)
                if way is not None:
                    self._trouble(way, client, server)
                    break
            else:
                server.shutdown(socket.SHUT_WR)
        down.join()
        client.close()
        if server not in self.silent:
            server.close()

    def _next(self, data: bytes) -> tuple[bytes, Way | None]:
        """What of it still passes, and what happens then."""
        with self.lock:
            if self.troubles and self.troubles[0][0] <= self.passed + len(data):
                at, way = self.troubles.pop(0)
                data = data[: max(0, at - self.passed)]
                self.passed += len(data)
                return data, way
            self.passed += len(data)
            return data, None

    def _trouble(self, way: Way, client: socket.socket, server: socket.socket) -> None:
        if way is Way.KILL:
            self.kill()
        if way is Way.SILENCE:
            self.silent.append(server)
            _end(client, abruptly=True)
            return
        for line in (client, server):
            _end(line, abruptly=way is Way.RESET)

    def _pass_down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(AT_ONCE):
                if self._loses(data):
                    break
                client.sendall(data)
        _end(client, abruptly=False)

    def _loses(self, answer: bytes) -> bool:
        with self.lock:
            loses = not self.has_lost_answer and LAST_ANSWER in answer.lower()
            self.has_lost_answer |= loses
            return loses


def _end(line: socket.socket, *, abruptly: bool) -> None:
    """Wakes whoever waits in it. Abruptly means by a reset rather than after what was sent."""
    with suppress(OSError):
        if abruptly:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.shutdown(socket.SHUT_RDWR)
