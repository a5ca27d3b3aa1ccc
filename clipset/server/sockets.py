"""Connections that do not wait for ever, for a web server whose threads are few."""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from clipset.lib.disk import is_disk_away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from _typeshed import ReadableBuffer
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

THREADS: Final = 32  # of each of the web server's processes
# How many of them may wait for a client at once. The others are for whoever comes next.
MAY_WAIT: Final = THREADS - 4
# Seconds that a client may keep us waiting. A second comes back with each EARNS bytes, up to
# these, so that a slow line is served and one that drips is not.
PATIENCE = 30.0
EARNS: Final = 4 * 1024
# Who has waited so long at a stretch makes room when too many wait.
LONG: Final = 3.0

# How often who watches a body is asked while the client keeps us waiting.
LOOK_EVERY: Final = 1.0  # seconds

# Of a file, and how long the kernel waits for a client to take them before Python is woken: both
# by `scripts/bench media-serving`. With 1 GiB at once, or a wait in Python each time, sending takes
# a sixth more of the processor.
SENDFILE_AT_ONCE: Final = 512 * 1024  # bytes
A_MOMENT: Final = 0.05  # seconds


class ClientStalledError(ConnectionResetError):
    """The client stopped halfway. For gunicorn and Django it is a client that went away."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "The client stopped halfway.")


class Waiting:
    """Who waits for a client at this moment: never more than `most`.

    Whoever comes when it is full takes the place of the one who has waited longest, whose
    connection is cut; if none has waited for LONG yet, there is no room.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.since: dict[PatientSocket, float] = {}
        self.lock = threading.Lock()

    @contextmanager
    def room_for(self, connection: PatientSocket) -> Iterator[None]:
        """Raises ClientStalledError when there is no room."""
        now = time.monotonic()
        with self.lock:
            if len(self.since) >= self.most:
                longest = min(self.since, key=self.since.__getitem__)
                if now - self.since[longest] < LONG:
                    raise ClientStalledError
                longest.cut()  # which wakes its thread
                del self.since[longest]
            self.since[connection] = now
        try:
            yield
        finally:
            with self.lock:
                self.since.pop(connection, None)


waiting = Waiting(MAY_WAIT)


class _Process:
    """This one; no lock, since a signal sets it."""

    is_ending = False


def announce_end() -> None:
    """The server asked this process to end: bodies that can be resumed stop where they are."""
    _Process.is_ending = True


def is_ending() -> bool:
    return _Process.is_ending


class PatientSocket(socket.socket):
    """A client's connection: it blocks as any other, but no longer than its patience lasts.

    When that is used up, reading raises Stalled, and an answer can still be sent; sending cuts the
    connection, and raises Stalled. `settimeout` is for one call at a time, as ever.

    What comes of a body that is `watched` is never lost with the rest: reading it ends as if the
    client had, for whatever reason no more comes.

    Below it never blocks. Cut means shut down in both directions: that alone wakes whoever waits
    in it, and gunicorn's closing, on its main thread, then has nothing to wait for.
    """

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        super().setblocking(False)
        self.limit: float | None = None
        self.patience = self.most = PATIENCE
        self.deadline = float("inf")
        self.has_stalled = False
        self.goes_on: Callable[[], bool] | None = None
        self.has_ended = False

    def settimeout(self, value: float | None, /) -> None:
        self.limit = value

    def setblocking(self, flag: bool, /) -> None:
        self.limit = None if flag else 0.0

    def gettimeout(self) -> float | None:
        return self.limit

    def begin(self) -> None:
        """Another request: full patience again."""
        self.patience = self.most = PATIENCE
        self.deadline = float("inf")

    def hurry(self, *, patience: float, seconds: float) -> None:
        """For the rest of this request: less patience, and none after so many seconds."""
        self.most = min(self.most, patience)
        self.patience = min(self.patience, patience)
        self.deadline = time.monotonic() + seconds

    @contextmanager
    def watched(self, goes_on: Callable[[], bool]) -> Iterator[None]:
        """While this lasts, `goes_on` is asked once a second whether to wait any longer."""
        self.goes_on = goes_on
        try:
            yield
        finally:
            self.goes_on = None

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Nothing, for good, once a watched body has ended: what still comes of it must not be
        taken for another request."""
        while not self.has_ended:
            try:
                data = super().recv(bufsize, flags)
            except BlockingIOError:
                self._wait_to_read()
            except ConnectionError:
                if self.goes_on is None:
                    raise
                self.has_ended = True
            else:
                self._earn(len(data))
                return data
        return b""

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        left = memoryview(data).cast("B")
        while left:
            try:
                sent = super().send(left, flags)
            except BlockingIOError:
                self._wait_to_send()
            else:
                self._earn(sent)
                left = left[sent:]

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        self.sendall(data, flags)
        return memoryview(data).nbytes

    def sendfile(  # type: ignore[override]
        self, file: IO[bytes], offset: int = 0, count: int | None = None
    ) -> int:
        """In the kernel. A file that turns out shorter than `count`, or that its disk does not
        give, cuts the connection: the client was told how long it is."""
        total = 0
        with self._kernel_waits():
            while count is None or total < count:
                most = SENDFILE_AT_ONCE if count is None else min(SENDFILE_AT_ONCE, count - total)
                began = time.monotonic()
                try:
                    sent = os.sendfile(self.fileno(), file.fileno(), offset + total, most)
                except BlockingIOError:
                    is_slow = True
                except OSError as error:
                    if not is_disk_away(error):
                        raise
                    logger.error("%s cannot be read: %s", file.name, error.strerror)  # noqa: TRY400
                    self.cut()
                    raise ClientStalledError from error
                else:
                    if not sent:
                        break
                    self._earn(sent)
                    total += sent
                    is_slow = sent < most
                if is_slow and total != count:
                    self.patience -= time.monotonic() - began
                    self._wait_to_send()
        if count is not None and total < count:
            self.cut()
            raise ClientStalledError
        return total

    def cut(self) -> None:
        """Ends the connection at once, from any thread; what was not sent yet is forgotten."""
        with suppress(OSError):  # it is closed already
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _kernel_waits(self) -> Iterator[None]:
        """While this lasts, sending blocks for A_MOMENT each time the kernel's buffer is full. Who
        takes the bytes at a good pace is never waited for by Python then."""
        microseconds = int(A_MOMENT * 1_000_000)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, microseconds))
        os.set_blocking(self.fileno(), True)
        try:
            yield
        finally:
            os.set_blocking(self.fileno(), False)

    def _earn(self, count: int) -> None:
        self.patience = min(self.most, self.patience + count / EARNS)

    def _wait_to_read(self) -> None:
        try:
            self._wait(select.POLLIN)
        except ClientStalledError:
            if self.goes_on is None:
                raise
            self.has_ended = True

    def _wait_to_send(self) -> None:
        try:
            self._wait(select.POLLOUT)
        except ClientStalledError:
            self.cut()
            raise

    def _wait(self, event: int) -> None:
        """Until the client lets us go on. Raises ClientStalledError; TimeoutError after what
        settimeout said, and BlockingIOError where that was nothing."""
        if self.limit == 0:
            raise BlockingIOError(errno.EAGAIN, "It would block.")
        began = time.monotonic()
        ours = min(self.patience, self.deadline - began)
        seconds = ours if self.limit is None else min(self.limit, ours)
        if seconds > 0:
            poll = select.poll()
            poll.register(self, event)
            try:
                with waiting.room_for(self):
                    is_ready = self._poll(poll, seconds)
            except ClientStalledError:
                self.has_stalled = True
                raise
            self.patience -= time.monotonic() - began
            if is_ready:
                return
        if self.limit is not None and self.limit < ours:
            raise TimeoutError("timed out")
        self.has_stalled = True
        raise ClientStalledError

    def _poll(self, poll: select.poll, seconds: float) -> bool:
        """Whether there is something to do: also that who watches has said no."""
        if self.goes_on is None:
            return bool(poll.poll(seconds * 1000))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(min(left, LOOK_EVERY) * 1000):
                return True
            if not self.goes_on():
                self.has_ended = True
                return True
        return False


def connection_of(request: HttpRequest) -> PatientSocket | None:
    """None under another server than ours, as in development."""
    found = request.META.get("gunicorn.socket")
    return found if isinstance(found, PatientSocket) else None
