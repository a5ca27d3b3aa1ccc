"""A hash of contents that can be put down and taken up again by another process."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import IO

BLOCK: Final = 4 * 1024**2  # bytes
START: Final = "0" * 64
# Bytes. Smaller pieces are hashed sooner than a thread takes them.
BESIDE: Final = 256 * 1024


class BlockHash:
    """SHA-256 in a chain: the hash of each block of 4 MiB begins with that of the one before.

    hashlib's state cannot be stored. Here it can, at the end of each block, in 64 characters
    (`state`); what came behind that is read again (`resume`), which is less than one block. As
    in SHA-256 itself, two contents with one hash would need two inputs with one SHA-256.
    """

    def __init__(self, state: str = START) -> None:
        self.state = state
        self.filled = 0  # bytes of the block that is not whole
        self._block = hashlib.sha256(bytes.fromhex(state))

    @classmethod
    def resume(cls, state: str, file: IO[bytes], offset: int) -> BlockHash:
        """As it was at `offset`, whose last whole block had left this state. Reads from there."""
        found = cls(state)
        file.seek(offset - offset % BLOCK)
        left = offset % BLOCK
        while left and (data := file.read(min(left, 1024**2))):
            found.update(data)
            left -= len(data)
        return found

    @classmethod
    def of_file(cls, file: IO[bytes], size: int) -> BlockHash:
        """Of the first `size` bytes, read from the start."""
        found = cls()
        file.seek(0)
        while size and (data := file.read(min(size, 1024**2))):
            found.update(data)
            size -= len(data)
        return found

    def copy(self) -> BlockHash:
        twin = BlockHash(self.state)
        twin.filled, twin._block = self.filled, self._block.copy()
        return twin

    def update(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            piece, rest = rest[: BLOCK - self.filled], rest[BLOCK - self.filled :]
            self._block.update(piece)
            self.filled += len(piece)
            if self.filled == BLOCK:
                self.state = self._block.hexdigest()
                self._block = hashlib.sha256(bytes.fromhex(self.state))
                self.filled = 0

    def hexdigest(self) -> str:
        """Of all that came. At the end of a block that is the state."""
        return self._block.hexdigest() if self.filled else self.state


class HashBeside:
    """A BlockHash that takes large pieces in a thread of its own while the caller goes on: one at
    a time, so that no more than one is kept in memory."""

    def __init__(self, hashed: BlockHash) -> None:
        self._hash = hashed
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    def update(self, data: bytes | memoryview) -> None:
        """`data` must not change any more."""
        hashed = self.settled()
        if len(data) < BESIDE:
            hashed.update(data)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        self._running = self._thread.submit(hashed.update, data)

    def settled(self) -> BlockHash:
        """With all that came."""
        running, self._running = self._running, None
        if running is not None:
            running.result()
        return self._hash

    def close(self) -> None:
        """Ends the thread, once it has done what it had."""
        if self._thread is not None:
            self._thread.shutdown()
