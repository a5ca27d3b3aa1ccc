"""Requests as bytes, broken ones too, and the connection that sends them."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

PATIENCE_SECONDS: Final = 30
CLOSED_WITHIN_SECONDS: Final = 1
MAX_SHOWN: Final = 1500  # bytes of a body in a report

Header = tuple[str, bytes]


@dataclass(frozen=True)
class Request:
    """One request. `target` is the path with its query, percent-encoded or deliberately not."""

    method: str
    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    is_cut: bool = False  # the client hangs up in the middle of the body
    kind: str = ""  # what was done to it, for the report

    @property
    def path(self) -> str:
        return self.target.partition(b"?")[0].decode("latin-1")

    def with_headers(self, *headers: Header) -> Request:
        """The same with these headers instead of others of their names."""
        names = {name.lower() for name, _ in headers}
        kept = tuple(one for one in self.headers if one[0].lower() not in names)
        return replace(self, headers=kept + headers)

    def has(self, name: str) -> bool:
        return any(known.lower() == name.lower() for known, _ in self.headers)

    def as_bytes(self) -> bytes:
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1"]
        headers = list(self.headers)
        has_length = self.has("Content-Length") or self.has("Transfer-Encoding")
        if (self.body or self.method in {"POST", "PUT", "PATCH"}) and not has_length:
            headers.append(("Content-Length", str(len(self.body)).encode()))
        lines += [name.encode("latin-1") + b": " + value for name, value in headers]
        body = self.body[: len(self.body) // 2] if self.is_cut else self.body
        return b"\r\n".join([*lines, b"", b""]) + body

    def __str__(self) -> str:
        sent = self.as_bytes()
        more = f"… {len(sent)} bytes" if len(sent) > MAX_SHOWN else ""
        return f"[{self.kind}] {sent[:MAX_SHOWN]!r}{more}"


@dataclass(frozen=True)
class Answer:
    """`status` is 0 if the server hung up without one."""

    status: int
    seconds: float
    body: bytes = b""
    headers: http.client.HTTPMessage = field(default_factory=http.client.HTTPMessage)
    error: str = ""

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", "") or self.headers.get("HX-Redirect", ""))

    @property
    def is_playlist(self) -> bool:
        return str(self.headers.get("Content-Type", "")).startswith("application/vnd.apple")

    @property
    def is_html(self) -> bool:
        return str(self.headers.get("Content-Type", "")).startswith("text/html")


class Line:
    """One connection that is kept as long as the server keeps it."""

    def __init__(self, host: str, port: int) -> None:
        self.place = (host, port)
        self.socket: socket.socket | None = None

    def ask(self, request: Request) -> Answer:
        """Sends a request. One on a kept connection that has just been closed is sent again."""
        is_kept = self.socket is not None
        answer = self._ask_once(request)
        if answer.status == 0 and is_kept and answer.seconds < CLOSED_WITHIN_SECONDS:
            answer = self._ask_once(request)
        return answer

    def _ask_once(self, request: Request) -> Answer:
        begun = time.monotonic()
        if self.socket is None:
            self.socket = socket.create_connection(self.place, timeout=PATIENCE_SECONDS)
        got = http.client.HTTPResponse(self.socket, method=request.method)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before
                self.socket.sendall(request.as_bytes())
                if request.is_cut:
                    self.socket.shutdown(socket.SHUT_WR)
            got.begin()
            body = got.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(0, time.monotonic() - begun, error=repr(error))
        if got.will_close or request.is_cut or request.has("Connection"):
            self.close()
        return Answer(got.status, time.monotonic() - begun, body, got.msg)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
