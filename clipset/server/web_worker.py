"""gunicorn's worker with threads, none of which waits for a client that has not asked yet."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any, Final

from gunicorn.workers.gthread import ThreadWorker

from clipset.server.memory import return_large_buffers
from clipset.server.sockets import PatientSocket, announce_end

if TYPE_CHECKING:
    from types import FrameType

    from gunicorn.workers.gthread import TConn

# From the first moment of a connection, or the first byte of another request on it, until the
# whole head of the request is there.
HEAD_SECONDS: Final = 20.0
# The largest head that the main thread collects; gunicorn's own limits come with the parser.
HEAD_BYTES: Final = 64 * 1024
# How long a client may take to read the last of an answer before its connection is closed.
LINGER_SECONDS: Final = 1.0
# A password's hash takes 19 MiB (accounts/hashers.py); what is read and written at once takes less
# than this, and stays in the heap, where it costs no page faults.
MIN_LARGE_BUFFER_BYTES: Final = 4 * 1024**2
# How long a thread may compute while another waits for the interpreter. A thread gives the
# interpreter up at each system call and, while others compute, waits this long to get it back: with
# Python's 5 ms the sending of a file, which is mostly system calls, waits behind every page that
# is made. On two busy cores 8 readers of ranges of 64 KiB got 1.2 to 2.2 times as many answers a
# second as with 5 ms; less than this brought nothing more.
SWITCH_SECONDS: Final = 0.0005


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn 27 gives a new connection a thread, which waits 5 s for its first byte and without
    end for the rest of the head. Here the main thread collects heads as they come, and a thread
    gets a request whose head is whole. And it closes connections on the main thread, where it
    may wait 2 s for each: here the thread that answered does."""

    def init_process(self) -> None:
        return_large_buffers(MIN_LARGE_BUFFER_BYTES)
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        announce_end()
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: TConn) -> None:
        if isinstance(conn.sock, PatientSocket):
            super().enqueue_req(conn)
        else:  # it was accepted a moment ago
            conn.sock = PatientSocket(conn.sock.detach())
            self._await_head(conn)

    def on_client_socket_readable(self, conn: TConn, client: PatientSocket) -> None:
        """Another request begins on a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def on_pending_socket_readable(self, conn: TConn, client: PatientSocket) -> None:
        if _has_head(conn):
            super().on_pending_socket_readable(conn, client)

    def _await_head(self, conn: TConn) -> None:
        """gunicorn's own list of connections that have not asked yet, and what ends them."""
        conn.head = bytearray()
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """In a thread."""
        conn.sock.begin()
        conn.sock.setblocking(True)
        conn.init()
        # What is read beyond the head is gunicorn's to keep, as if it had read it.
        head, conn.head = bytes(conn.head), bytearray()
        conn.parser.unreader.unread(head)
        keeps = super().handle(conn)
        if not keeps:
            _see_off(conn.sock)
        return keeps


def _has_head(conn: TConn) -> bool:
    """Takes what has come. Whether a thread can go on with it: also where the connection ended."""
    seen = max(0, len(conn.head) - 3)
    try:
        data = conn.sock.recv(HEAD_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        return True
    conn.head += data
    return not data or len(conn.head) >= HEAD_BYTES or conn.head.find(b"\r\n\r\n", seen) >= 0


def _see_off(client: PatientSocket) -> None:
    """Waits a moment for the client to close (RFC 9112, section 9.6), so that closing with
    something unread does not reset what it has not got yet."""
    client.hurry(patience=LINGER_SECONDS, seconds=LINGER_SECONDS)
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        while client.recv(HEAD_BYTES):
            pass
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
