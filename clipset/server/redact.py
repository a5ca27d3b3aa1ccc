"""Removal of secret tokens from addresses before they are logged."""

from __future__ import annotations

import re
from typing import Final

ELLIPSIS: Final = "…"

# A token follows each of these segments.
_SECRET_BELOW: Final = ("s", "register", "password-reset", "email")


def _spelled(char: str) -> str:
    """A regular expression for one character, plain or percent-encoded any number of times."""
    return f"(?:{re.escape(char)}|%(?:25)*{ord(char):02X})"


_SLASH: Final = _spelled("/")
_NAMES: Final = "|".join("".join(map(_spelled, name)) for name in _SECRET_BELOW)
_SECRET_FOLLOWS: Final = re.compile(rf"{_SLASH}(?:{_NAMES}){_SLASH}", re.IGNORECASE)

_PROTOCOL: Final = re.compile(r"(?: HTTP/[0-9.]+)?\Z")


def redact_path(path: str) -> str:
    """Replaces everything after a segment that leads to a token with `…`.

    "/s/abc/master.m3u8" becomes "/s/…". The query is cut too; the protocol of a request line stays.
    The segment may be anywhere in the text, also percent-encoded, as in `?next=`.

    Args:
        path: a path, an URL or a request line ("GET /s/abc HTTP/1.1").
    """
    segment = _SECRET_FOLLOWS.search(path)
    protocol = _PROTOCOL.search(path)
    if segment is None or protocol is None or segment.end() == protocol.start():
        return path
    return f"{path[: segment.end()]}{ELLIPSIS}{protocol.group()}"
