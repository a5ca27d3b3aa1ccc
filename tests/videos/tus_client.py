"""What tests send by tus, through Django's client."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

Piece: TypeAlias = "bytes | Callable[[], object] | Exception"

TUS = {"Tus-Resumable": "1.0.0"}
BODY = "application/offset+octet-stream"


def said(**pairs: str) -> str:
    """Upload-Metadata."""
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
    )


def create(
    client: Client, size: int, body: bytes = b"", *, filename: str = "sea.mp4", **words: str
) -> Any:
    headers = {
        **TUS,
        "Upload-Length": str(size),
        "Upload-Metadata": said(filename=filename, **words),
    }
    return client.post("/uploads/", body, content_type=BODY, headers=headers)


def append(client: Client, url: str, offset: int, body: bytes, **headers: str) -> Any:
    return client.patch(url, body, **_sent(offset, len(body), headers))


def append_coming(
    client: Client, url: str, offset: int, size: int, pieces: Iterator[Piece], **headers: str
) -> Any:
    """A body of `size` bytes, or what of it comes; a piece may be a function that is called."""
    sent = _sent(offset, size, headers) | {"wsgi.input": Coming(pieces)}
    return client.patch(url, b"", **sent)


def _sent(offset: int, size: int, headers: dict[str, str]) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "headers": {**TUS, "Upload-Offset": str(offset), **named},
        # Django's client says neither of an empty body.
        "CONTENT_TYPE": BODY,
        "CONTENT_LENGTH": str(size),
    }


def ask(client: Client, url: str) -> Any:
    return client.head(url, headers=TUS)


def terminate(client: Client, url: str) -> Any:
    return client.delete(url, headers=TUS)


class Coming:
    """A body as it comes over the wire: piece by piece, and what happens in between."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self.pieces = pieces
        self.rest = b""

    def readline(self, size: int = -1) -> bytes:
        raise AssertionError("A video is not read by lines.")  # WSGI wants it to be there

    def read(self, size: int = -1) -> bytes:
        while not self.rest:
            piece = next(self.pieces, None)
            if piece is None:
                return b""
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                self.rest = piece
            else:
                piece()
        data, self.rest = self.rest[:size], self.rest[size:]
        return data
