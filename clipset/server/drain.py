"""Reading the rest of a request body that no view wants."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

KIB: Final = 1024
MIB: Final = 1024 * KIB


def drain(
    stream_read: Callable[[int], bytes],
    *,
    limit: int = 64 * MIB,
    chunk: int = 256 * KIB,
    seconds: float = 10,
) -> int:
    """Reads the rest of a request body and discards it. Returns the number of bytes. Never raises.

    A server that closes the connection while the client still sends resets it, and the client may
    never see the response (RFC 9112, section 9.6).

    Stops at the end of the body, after `limit` bytes, at the first error, or after `seconds`. The
    time is checked between reads only: the socket and the size of `chunk` bound a single read.
    """
    deadline = time.monotonic() + seconds
    count = 0
    while count < limit and time.monotonic() < deadline:
        try:
            data = stream_read(min(chunk, limit - count))
        except Exception:
            break
        if not data:
            break
        count += len(data)
    return count
