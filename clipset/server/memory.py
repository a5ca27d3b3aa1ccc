"""Memory that goes back to the system when it is freed."""

from __future__ import annotations

import ctypes
from typing import Final

# <malloc.h>; see mallopt(3).
_M_MMAP_THRESHOLD: Final = -3


def return_large_buffers(min_bytes: int) -> bool:
    """Has malloc take each buffer of at least `min_bytes` from the system and give it back at free.

    glibc keeps freed buffers in the heap of the thread that asked, and raises its own threshold
    (128 KiB) to the size of what was freed, up to 32 MiB: with 32 threads that hash passwords,
    each keeps 19 MiB. A threshold that was set stays.

    Returns whether it is set: only glibc has mallopt, and what musl frees it returns by itself.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, min_bytes) == 1
