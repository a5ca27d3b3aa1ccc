"""What a request asks, where an upload stands, and what is answered."""

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
    """A status, its headers, and the sentence that is its body; empty where there is none."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class TusError(Exception):
    """The request is not done, and nothing was changed; `answer` says why."""

    def __init__(
        self, status: int, sentence: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.answer = Answer(status=status, headers=headers or {}, body=sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What a body has to come to: `digest` are the raw bytes of its SHA-1."""

    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can this server do?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Where does this upload stand? (HEAD)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """Forget this upload. (DELETE)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Here is more of it: `size` bytes that belong at `offset`. (PATCH)"""

    offset: int
    size: int
    checksum: Checksum | None = None
    length: int | None = None  # of the whole, where the request says it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A new upload of `length` bytes, the first `size` of which come along. (POST)

    `header` is the metadata as it was sent, to be echoed; `metadata` what it says, undecoded.
    """

    length: int
    size: int = 0
    checksum: Checksum | None = None
    header: str = ""
    metadata: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """What the metadata says under a key, "" for nothing. What is no UTF-8 is replaced."""
        return self.metadata.get(key, b"").decode(errors="replace")


Command = Options | Ask | Terminate | Append | Create


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus:
    """Where an upload stands. Bytes; `expires` is the date as HTTP writes it (RFC 9110, 5.6.7)."""

    offset: int
    length: int
    expires: str
    header: str = ""
