"""Access logs without the tokens that addresses carry."""

from __future__ import annotations

import re
from typing import Final

ELLIPSIS: Final = "…"

_SECRET_BELOW: Final = ("s", "register", "password-reset")


def _spelled(char: str) -> str:
    """A pattern for one character as it is or percent-encoded, any number of times."""
    return f"(?:{re.escape(char)}|%(?:25)*{ord(char):02X})"


_SLASH: Final = _spelled("/")
_NAMES: Final = "|".join("".join(map(_spelled, name)) for name in _SECRET_BELOW)
_SECRET_FOLLOWS: Final = re.compile(rf"{_SLASH}(?:{_NAMES}){_SLASH}", re.IGNORECASE)

_PROTOCOL: Final = re.compile(r"(?: HTTP/[0-9.]+)?\Z")


def redact_path(path: str) -> str:
    """The path, request line or URL with `…` for all that follows a segment that leads to a token.

    "/s/abc/master.m3u8" becomes "/s/…". Whatever comes after is cut as well, a query too, save the
    protocol of a request line. The segment may stand anywhere, also percent-encoded (`next=`).
    """
    segment = _SECRET_FOLLOWS.search(path)
    protocol = _PROTOCOL.search(path)
    if segment is None or protocol is None or segment.end() == protocol.start():
        return path
    return f"{path[: segment.end()]}{ELLIPSIS}{protocol.group()}"
