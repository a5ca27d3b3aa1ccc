"""What still comes of a request that was refused."""

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
    """Reads and throws away what is left of a request body; returns how many bytes that were.

    A server that answers and closes while the body is still coming resets the connection, and the
    client may never see the answer (RFC 9112, section 9.6). Ends at the end of the body, after
    `limit` bytes, at the first error, or after `seconds`. The time is looked at between reads:
    that one read returns in time is up to its socket and the size of `chunk`. Never raises.
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
