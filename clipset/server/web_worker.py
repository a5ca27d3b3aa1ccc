"""gunicorn's threaded worker, changed so that a thread gets only requests with a complete head.

docs/gunicorn.md lists the internals of gunicorn that this module relies on.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any, Final

from gunicorn.workers.gthread import ThreadWorker

from clipset.server.connections import allow_connections, next_to_close
from clipset.server.memory import return_large_buffers
from clipset.server.sockets import PatientSocket, announce_end

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from gunicorn.workers.gthread import TConn

# Time for a complete request head, from the start of a connection or, on a kept connection, from
# the first byte of the next request.
HEAD_SECONDS: Final = 20.0
# The largest head that the main thread collects. gunicorn's parser then applies its own limits.
HEAD_BYTES: Final = 64 * 1024
# How long a client may take to read the end of a response before its connection is closed.
LINGER_SECONDS: Final = 1.0
# How long a connection is left alone after it was opened or served, so that its client can send.
MIN_IDLE_SECONDS: Final = 0.25
# How often the main thread looks for room while there is none.
FULL_SECONDS: Final = 0.1
# Hashing a password takes 19 MiB (accounts/hashers.py). Buffers for reading and writing are smaller
# than this limit: they stay in the heap, where reusing them costs no page faults.
MIN_LARGE_BUFFER_BYTES: Final = 4 * 1024**2
# How long a thread may run Python code while another waits for the interpreter. A thread releases
# the interpreter at each system call and, while others compute, waits this long to get it back.
# With Python's default of 5 ms, sending a file, which is mostly system calls, waits for every page
# that is rendered. On two busy cores, 8 readers of 64 KiB ranges got 1.2 to 2.2 times as many
# responses per second as with 5 ms. Lower values gave no further gain.
SWITCH_SECONDS: Final = 0.0005


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Threaded worker that slow clients cannot block.

    gunicorn 27 gives each new connection a thread, which waits up to 5 s for its first byte and
    without limit for the rest of the head. Here the main thread collects heads, and a thread gets a
    request only when its head is complete.

    gunicorn closes connections on the main thread, where it may wait 2 s for each. Here the thread
    that sent the response does it.

    gunicorn accepts nobody while it has `worker_connections`, until one of them times out. Here an
    idle connection is closed for the next one.
    """

    def init_process(self) -> None:
        return_large_buffers(MIN_LARGE_BUFFER_BYTES)
        sys.setswitchinterval(SWITCH_SECONDS)
        self.worker_connections = allow_connections(self.cfg.worker_connections)
        self.max_keepalived = max(1, self.worker_connections - self.cfg.threads)
        super().init_process()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        announce_end()
        super().handle_exit(sig, frame)

    def accept(self, listener: socket.socket) -> None:
        """Accepts a connection. gunicorn would end the worker if no file can be opened for it."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            self.log.error(  # noqa: TRY400 one line is enough
                "Too many open files (%d connections).", self.nr_conns
            )
            self.worker_connections = max(self.cfg.threads, self.nr_conns)
            time.sleep(FULL_SECONDS)  # where so few are open, nothing is closed for it

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        is_full = self.nr_conns >= self.worker_connections
        super().wait_for_and_dispatch_events(min(timeout, FULL_SECONDS) if is_full else timeout)

    def murder_pending(self) -> None:
        """Closes the pending connections that expired, and an idle one if none can be accepted."""
        super().murder_pending()
        if self.nr_conns >= self.worker_connections:
            self._close_idle()

    def _close_idle(self) -> None:
        """Closes a connection without a running request, if there is one."""
        now = time.monotonic()
        pending = _older(self.pending_conns, now + HEAD_SECONDS - MIN_IDLE_SECONDS)
        kept = _older(self.keepalived_conns, now + self.cfg.keepalive - MIN_IDLE_SECONDS)
        conn = next_to_close([*pending, *kept])
        if conn is None:
            return
        # Both lists are ordered by age, so the connection is near the beginning of one.
        (self.pending_conns if conn in pending else self.keepalived_conns).remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def enqueue_req(self, conn: TConn) -> None:
        if isinstance(conn.sock, PatientSocket):
            super().enqueue_req(conn)
        else:  # a connection that was just accepted
            conn.sock = PatientSocket(conn.sock.detach())
            self._await_head(conn)

    def on_client_socket_readable(self, conn: TConn, client: PatientSocket) -> None:
        """Handles the first bytes of another request on a kept connection."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def on_pending_socket_readable(self, conn: TConn, client: PatientSocket) -> None:
        if _has_head(conn):
            super().on_pending_socket_readable(conn, client)

    def _await_head(self, conn: TConn) -> None:
        """Puts the connection on gunicorn's list of pending ones, which it closes at `timeout`."""
        conn.head = bytearray()
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """Serves one request in a thread. Returns whether the connection is kept."""
        conn.sock.begin_request()
        conn.sock.setblocking(True)
        conn.init()
        # Gives gunicorn all bytes that were read, also those after the head.
        head, conn.head = bytes(conn.head), bytearray()
        conn.parser.unreader.unread(head)
        is_kept = super().handle(conn)
        if not is_kept:
            _finish(conn.sock)
        return is_kept


def _older(connections: Iterable[TConn], timeout: float) -> list[TConn]:
    """Returns the connections that expire before a moment of time.monotonic()."""
    return [conn for conn in connections if conn.timeout < timeout]


def _has_head(conn: TConn) -> bool:
    """Reads what has arrived. Returns whether a thread should continue: the head is complete or too
    large, or the connection has ended."""
    searched = max(0, len(conn.head) - 3)
    try:
        data = conn.sock.recv(HEAD_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        return True
    conn.head += data
    return not data or len(conn.head) >= HEAD_BYTES or conn.head.find(b"\r\n\r\n", searched) >= 0


def _finish(client: PatientSocket) -> None:
    """Shuts the connection down after waiting up to LINGER_SECONDS for the client to close.

    Closing with unread bytes would reset the connection, and the client could lose the end of the
    response (RFC 9112, section 9.6).
    """
    client.limit_patience(patience=LINGER_SECONDS, seconds=LINGER_SECONDS)
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        while client.recv(HEAD_BYTES):
            pass
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
