"""A content hash whose state can be stored and resumed by another process."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import IO

BLOCK: Final = 4 * 1024**2  # bytes
START: Final = "0" * 64
# Smaller pieces are hashed faster than they can be handed to a thread.
MIN_THREADED_BYTES: Final = 256 * 1024


class BlockHash:
    """A chain of SHA-256 hashes over blocks of 4 MiB.

    The input of each block's hash is the hash of the previous block, then the block. hashlib cannot
    store its state; here, the state at the end of a block is 64 hexadecimal digits (`state`).
    `resume` reads the bytes after it again, which are less than a block. Two contents with the same
    hash would need two inputs with the same SHA-256.
    """

    def __init__(self, state: str = START) -> None:
        self.state = state
        self.filled = 0  # bytes of the incomplete block
        self._block = hashlib.sha256(bytes.fromhex(state))

    @classmethod
    def resume(cls, state: str, file: IO[bytes], offset: int) -> BlockHash:
        """The hash of the first `offset` bytes, given the state after the last complete block.

        Reads the bytes after that block from the file.
        """
        resumed = cls(state)
        file.seek(offset - offset % BLOCK)
        remaining = offset % BLOCK
        while remaining and (data := file.read(min(remaining, 1024**2))):
            resumed.update(data)
            remaining -= len(data)
        return resumed

    @classmethod
    def of_file(cls, file: IO[bytes], size: int) -> BlockHash:
        """The hash of the first `size` bytes of a file."""
        hashed = cls()
        file.seek(0)
        while size and (data := file.read(min(size, 1024**2))):
            hashed.update(data)
            size -= len(data)
        return hashed

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
        """The hash of all bytes so far. At the end of a block it equals the state."""
        return self._block.hexdigest() if self.filled else self.state


class HashBeside:
    """A BlockHash that hashes large pieces in its own thread while the caller continues.

    It takes one piece at a time, so at most one is kept in memory.
    """

    def __init__(self, hashed: BlockHash) -> None:
        self._hash = hashed
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    def update(self, data: bytes | memoryview) -> None:
        """Adds bytes, after waiting for the previous piece. `data` must not change afterwards."""
        hashed = self.settled()
        if len(data) < MIN_THREADED_BYTES:
            hashed.update(data)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        self._running = self._thread.submit(hashed.update, data)

    def settled(self) -> BlockHash:
        """The hash with all bytes so far. Waits for the thread."""
        running, self._running = self._running, None
        if running is not None:
            running.result()
        return self._hash

    def close(self) -> None:
        """Ends the thread after its last piece."""
        if self._thread is not None:
            self._thread.shutdown()
