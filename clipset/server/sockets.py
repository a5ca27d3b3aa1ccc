"""A socket that limits how long a client may keep one of the web server's few threads waiting."""

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
# How many threads of a process may wait for clients at once. The others serve new requests.
MAX_WAITING: Final = THREADS - 4
# How long a client may keep a thread waiting during a request. The client earns one second back
# with each BYTES_PER_EARNED_SECOND bytes, up to this limit. So a slow client is served, but not one
# that sends a byte now and then.
PATIENCE_SECONDS = 30.0
BYTES_PER_EARNED_SECOND: Final = 4 * 1024
# When too many threads wait, one that has waited this long without a break is stopped.
LONG_WAIT_SECONDS: Final = 3.0

# How often the watcher of a body is asked whether to wait for the client any longer.
CHECK_SECONDS: Final = 1.0

# Bytes for one call of sendfile(2), and how long the kernel waits for the client before it returns
# to Python. Both values were found with `scripts/bench media-serving`: with 1 GiB at once, or with
# a wait in Python each time, sending takes a sixth more processor time.
MAX_SENDFILE_BYTES: Final = 512 * 1024
SEND_WAIT_SECONDS: Final = 0.05


class ClientStalledError(ConnectionResetError):
    """The client stopped in the middle of a request or response.

    A subclass of ConnectionResetError, so gunicorn and Django treat it as a lost connection.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "The client stopped halfway.")


class Waiting:
    """The connections that wait for their clients now, at most `max_count`.

    When it is full, a new connection replaces the one that has waited longest, which is cut. If
    none has waited for LONG_WAIT_SECONDS yet, the new one is refused.
    """

    def __init__(self, max_count: int) -> None:
        self.max_count = max_count
        self.since: dict[PatientSocket, float] = {}
        self.lock = threading.Lock()

    @contextmanager
    def room_for(self, connection: PatientSocket) -> Iterator[None]:
        """Context manager that counts a connection as waiting. Raises: ClientStalledError."""
        now = time.monotonic()
        with self.lock:
            if len(self.since) >= self.max_count:
                longest = min(self.since, key=self.since.__getitem__)
                if now - self.since[longest] < LONG_WAIT_SECONDS:
                    raise ClientStalledError
                longest.cut()  # this wakes its thread
                del self.since[longest]
            self.since[connection] = now
        try:
            yield
        finally:
            with self.lock:
                self.since.pop(connection, None)


waiting = Waiting(MAX_WAITING)


class _Process:
    """State of this process. Without a lock, since a signal handler sets it."""

    is_ending = False


def announce_end() -> None:
    """Notes that this process will end soon, so that resumable uploads stop and can be resumed."""
    _Process.is_ending = True


def is_ending() -> bool:
    return _Process.is_ending


class PatientSocket(socket.socket):
    """A client's connection that blocks, but only while the client's patience lasts.

    When the patience (seconds) is used up, `recv` raises ClientStalledError and a response can
    still be sent; `sendall` and `sendfile` cut the connection and raise ClientStalledError.
    `settimeout` limits each single call, as for any socket.

    While a body is `watched`, `recv` does not raise for a lost or stalled client: it returns b"" as
    at the end of a connection, so that the bytes received so far are kept.

    The underlying descriptor does not block. "Cut" means shut down in both directions. Only that
    wakes a thread that waits for the socket, and gunicorn, which closes sockets on its main thread,
    then has nothing to wait for.
    """

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        super().setblocking(False)
        self.limit: float | None = None
        self.patience = self.max_patience = PATIENCE_SECONDS
        self.deadline = float("inf")  # of time.monotonic()
        self.has_stalled = False
        self.may_continue: Callable[[], bool] | None = None
        self.has_ended = False

    def settimeout(self, value: float | None, /) -> None:
        self.limit = value

    def setblocking(self, flag: bool, /) -> None:
        self.limit = None if flag else 0.0

    def gettimeout(self) -> float | None:
        return self.limit

    def begin_request(self) -> None:
        """Resets the patience at the start of a request."""
        self.patience = self.max_patience = PATIENCE_SECONDS
        self.deadline = float("inf")

    def limit_patience(self, *, patience: float, seconds: float) -> None:
        """Lowers the patience for the rest of this request, and ends all of it after `seconds`."""
        self.max_patience = min(self.max_patience, patience)
        self.patience = min(self.patience, patience)
        self.deadline = time.monotonic() + seconds

    @contextmanager
    def watched(self, may_continue: Callable[[], bool]) -> Iterator[None]:
        """Context manager: each second of waiting, `may_continue` says whether to wait longer."""
        self.may_continue = may_continue
        try:
            yield
        finally:
            self.may_continue = None

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Reads as any socket does, within the patience.

        After a watched body has ended, always returns b"": the rest of the body must not be taken
        for another request. Raises: ClientStalledError, ConnectionError.
        """
        while not self.has_ended:
            try:
                data = super().recv(bufsize, flags)
            except BlockingIOError:
                self._wait_to_read()
            except ConnectionError:
                if self.may_continue is None:
                    raise
                self.has_ended = True
            else:
                self._earn(len(data))
                return data
        return b""

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        unsent = memoryview(data).cast("B")
        while unsent:
            try:
                sent = super().send(unsent, flags)
            except BlockingIOError:
                self._wait_to_send()
            else:
                self._earn(sent)
                unsent = unsent[sent:]

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        self.sendall(data, flags)
        return memoryview(data).nbytes

    def sendfile(  # type: ignore[override]
        self, file: IO[bytes], offset: int = 0, count: int | None = None
    ) -> int:
        """Sends a file within the kernel (sendfile(2)). Returns the bytes sent.

        Cuts the connection when the file is shorter than `count` or its disk fails, since the
        client already has the Content-Length. Raises: ClientStalledError.
        """
        total = 0
        with self._kernel_waits():
            while count is None or total < count:
                most = (
                    MAX_SENDFILE_BYTES if count is None else min(MAX_SENDFILE_BYTES, count - total)
                )
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
        """Ends the connection at once and drops unsent bytes. May be called from any thread."""
        with suppress(OSError):  # the connection is closed already
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _kernel_waits(self) -> Iterator[None]:
        """Context manager in which the kernel waits up to SEND_WAIT_SECONDS for send buffer space.

        For a client that reads fast enough, Python then never has to wait.
        """
        microseconds = int(SEND_WAIT_SECONDS * 1_000_000)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, microseconds))
        os.set_blocking(self.fileno(), True)
        try:
            yield
        finally:
            os.set_blocking(self.fileno(), False)

    def _earn(self, count: int) -> None:
        self.patience = min(self.max_patience, self.patience + count / BYTES_PER_EARNED_SECOND)

    def _wait_to_read(self) -> None:
        try:
            self._wait(select.POLLIN)
        except ClientStalledError:
            if self.may_continue is None:
                raise
            self.has_ended = True

    def _wait_to_send(self) -> None:
        try:
            self._wait(select.POLLOUT)
        except ClientStalledError:
            self.cut()
            raise

    def _wait(self, event: int) -> None:
        """Waits for the client, for an event of poll(2).

        Raises: ClientStalledError when the patience is used up, TimeoutError after the seconds of
        `settimeout`, BlockingIOError if those are 0.
        """
        if self.limit == 0:
            raise BlockingIOError(errno.EAGAIN, "It would block.")
        began = time.monotonic()
        patience = min(self.patience, self.deadline - began)
        seconds = patience if self.limit is None else min(self.limit, patience)
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
        if self.limit is not None and self.limit < patience:
            raise TimeoutError("timed out")
        self.has_stalled = True
        raise ClientStalledError

    def _poll(self, poll: select.poll, seconds: float) -> bool:
        """Whether the caller should continue: the socket is ready, or the watcher has refused."""
        if self.may_continue is None:
            return bool(poll.poll(seconds * 1000))
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0:
            if poll.poll(min(remaining, CHECK_SECONDS) * 1000):
                return True
            if not self.may_continue():
                self.has_ended = True
                return True
        return False


def connection_of(request: HttpRequest) -> PatientSocket | None:
    """The request's connection; None under a server other than gunicorn, as in development."""
    found = request.META.get("gunicorn.socket")
    return found if isinstance(found, PatientSocket) else None
