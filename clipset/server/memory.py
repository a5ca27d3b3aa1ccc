"""A setting of malloc that returns freed memory to the system."""

from __future__ import annotations

import ctypes
from typing import Final

# <malloc.h>; see mallopt(3).
_M_MMAP_THRESHOLD: Final = -3


def return_large_buffers(min_bytes: int) -> bool:
    """Makes malloc map each buffer of at least `min_bytes` separately, and unmap it when freed.

    By default glibc keeps freed buffers in the heap of the thread that used them, and raises its
    threshold (128 KiB) to the size of the freed buffer, up to 32 MiB. With 32 threads that hash
    passwords, each would keep 19 MiB. A threshold that was set explicitly does not change.

    Returns whether the threshold was set. Only glibc has mallopt; musl returns freed memory anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, min_bytes) == 1
