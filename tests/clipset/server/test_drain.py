from __future__ import annotations

import io
import os
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.server.drain import drain


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(1, 64))
def test_it_reads_up_to_the_limit_and_no_further(body: bytes, limit: int, chunk: int) -> None:
    stream = io.BytesIO(body)
    count = drain(stream.read, limit=limit, chunk=chunk)
    assert count == stream.tell() == min(len(body), limit)


def test_no_read_asks_for_more_than_a_chunk_or_the_limit() -> None:
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return b"x" * size

    assert drain(read, limit=25, chunk=10) == 25
    assert asked == [10, 10, 5]


def test_short_reads_are_not_the_end() -> None:
    pieces = [b"a", b"bc", b"d", b""]
    assert drain(lambda _: pieces.pop(0)) == 4


def test_the_defaults_are_64_mib_in_pieces_of_256_kib() -> None:
    asked: list[int] = []
    piece = bytes(256 * 1024)

    def endless(size: int) -> bytes:
        asked.append(size)
        return piece[:size]

    assert drain(endless) == 64 * 1024 * 1024
    assert set(asked) == {256 * 1024}


@pytest.mark.parametrize(
    "error",
    [
        OSError("gone"),
        ConnectionResetError(),
        TimeoutError(),
        ValueError("closed"),
        Exception("odd"),
    ],
)
def test_an_error_ends_it(error: Exception) -> None:
    pieces = [b"abc", b"de"]

    def read(size: int) -> bytes:
        if not pieces:
            raise error
        return pieces.pop(0)

    assert drain(read) == 5


def test_a_closed_stream_ends_it() -> None:
    stream = io.BytesIO(b"abc")
    stream.close()
    assert drain(stream.read) == 0


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def read(size: int) -> bytes:
        nonlocal now
        now += 3
        return b"x"

    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert drain(read) == 4
    assert drain(read, seconds=30) == 10
    assert drain(read, seconds=0) == 0


def test_a_client_that_sends_and_then_reads_gets_its_answer() -> None:
    ours, theirs = socket.socketpair()
    answers: list[bytes] = []

    def client() -> None:
        theirs.sendall(os.urandom(3_000_000))
        theirs.shutdown(socket.SHUT_WR)
        answers.append(theirs.recv(100))

    thread = threading.Thread(target=client)
    thread.start()
    assert drain(ours.recv) == 3_000_000
    ours.sendall(b"413")
    thread.join(timeout=5)
    assert answers == [b"413"]
    ours.close()
    theirs.close()


def test_a_stalled_client_is_given_up_with_its_socket_timeout() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.1)
    theirs.sendall(b"abc")
    started = time.monotonic()
    assert drain(ours.recv, seconds=5) == 3
    assert time.monotonic() - started < 2
    ours.close()
    theirs.close()
