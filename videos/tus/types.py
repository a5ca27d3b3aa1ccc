"""The commands of requests, the status of an upload, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "1.0.0"
EXTENSIONS: Final = ("creation", "creation-with-upload", "termination", "expiration", "checksum")
BODY_TYPE: Final = "application/offset+octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The status, headers and body of an answer; the body is a sentence or empty."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class TusError(Exception):
    """The request was refused and changed nothing; `answer` says why."""

    def __init__(
        self, status: int, sentence: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.answer = Answer(status=status, headers=headers or {}, body=sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """The expected SHA-1 of a body; `digest` has its raw bytes."""

    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsRequest:
    """Asks what the server supports. (OPTIONS)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Asks for the status of an upload. (HEAD)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """Cancels an upload. (DELETE)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Adds `size` bytes at `offset`. (PATCH)"""

    offset: int
    size: int
    checksum: Checksum | None = None
    length: int | None = None  # of the whole file, if the request repeats it


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Creates an upload of `length` bytes; the body has the first `size` of them. (POST)

    `header`: Upload-Metadata as received, to return it later. `metadata`: its keys and raw values.
    """

    length: int
    size: int = 0
    checksum: Checksum | None = None
    header: str = ""
    metadata: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Returns a metadata value, "" if missing. Replaces bytes that are not UTF-8."""
        return self.metadata.get(key, b"").decode(errors="replace")


Command = OptionsRequest | Ask | Terminate | Append | Create


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus:
    """The status of an upload, in bytes. `expires` is an HTTP date (RFC 9110, 5.6.7)."""

    offset: int
    length: int
    expires: str
    header: str = ""
