"""Limits on how long a client may keep a thread waiting, with real sockets."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from clipset.server import sockets
from clipset.server.sockets import ClientStalledError, PatientSocket, Waiting, connection_of
from tests.disks import breaking_disk
from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIB, MIB = 1024, 1024**2


@pytest.fixture(autouse=True)
def less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PATIENCE_SECONDS", 0.5)


@pytest.fixture
def pair() -> Iterator[tuple[PatientSocket, socket.socket]]:
    """The server's and the client's end of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname(), timeout=10)
        accepted, _ = listener.accept()
    with closing(PatientSocket(accepted.detach())) as ours, closing(theirs):
        yield ours, theirs


def took(since: float) -> float:
    return time.monotonic() - since


def read_for_ten_seconds(ours: PatientSocket) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        ours.recv(100 * KIB)


def is_over(theirs: socket.socket) -> bool:
    """Whether the connection has ended, after reading all that was received."""
    try:
        while theirs.recv(MIB):
            pass
    except ConnectionResetError:
        pass
    return True


def test_what_comes_is_read(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, theirs = pair
    threading.Timer(0.1, theirs.sendall, [b"late"]).start()
    assert ours.recv(100) == b"late"
    theirs.shutdown(socket.SHUT_WR)
    assert ours.recv(100) == b""
    assert not ours.has_stalled


def test_a_silent_client_is_given_up_and_can_still_be_answered(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, theirs = pair
    since = time.monotonic()
    with pytest.raises(ClientStalledError):
        ours.recv(100)
    assert 0.4 < took(since) < 2
    assert ours.has_stalled
    with pytest.raises(ClientStalledError):
        ours.recv(100)
    assert took(since) < 2, "no second patience"
    ours.sendall(b"408")
    assert theirs.recv(100) == b"408"


# -- Bodies that are watched ----------------------------------------------------------------------


def go_on() -> bool:
    return True


def test_a_watched_body_that_goes_silent_ends_as_if_the_client_had_ended_it(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, theirs = pair
    theirs.sendall(b"some")
    with ours.watched(go_on):
        assert ours.recv(100) == b"some"
        assert ours.recv(100) == b""
    assert ours.has_stalled
    ours.sendall(b"408")
    assert theirs.recv(100) == b"408"


def test_a_watched_body_that_is_reset_ends_too(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    with ours.watched(go_on):
        assert ours.recv(100) == b""


def test_who_watches_is_asked_while_nothing_comes_and_may_end_it_for_good(
    pair: tuple[PatientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pair
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.05)
    answers = iter([True, True, False])
    since = time.monotonic()
    with ours.watched(lambda: next(answers)):
        assert ours.recv(100) == b""
    assert took(since) < 0.4, "before the patience is used up"
    assert not ours.has_stalled
    theirs.sendall(b"GET / HTTP/1.1")
    ours.begin_request()
    assert ours.recv(100) == b"", "what comes now belongs to the body that was given up"


def test_a_watched_body_makes_room_like_any_other(
    pair: tuple[PatientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking the watcher does not restart the time that a connection has waited."""
    ours, _ = pair
    room = Waiting(1)
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(sockets, "LONG_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(sockets, "waiting", room)
    with closing(PatientSocket(socket.socket().detach())) as other:

        def come() -> None:
            with room.room_for(other):
                pass

        threading.Timer(0.2, come).start()
        since = time.monotonic()
        with ours.watched(go_on):
            assert ours.recv(100) == b""
        assert 0.15 < took(since) < 0.4


def test_a_dripping_client_is_given_up_too(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, theirs = pair
    done = threading.Event()

    def drip() -> None:
        while not done.wait(0.05):
            theirs.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    since = time.monotonic()
    try:
        with pytest.raises(ClientStalledError):
            read_for_ten_seconds(ours)
        assert took(since) < 2
    finally:
        done.set()
        thread.join()


def test_a_slow_line_that_keeps_its_pace_is_served(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    """Sends 8 KB every 0.2 s for 2 s, which is four times the patience."""
    ours, theirs = pair

    def send() -> None:
        for _ in range(10):
            time.sleep(0.2)
            theirs.sendall(bytes(8 * KIB))
        theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    count = 0
    while data := ours.recv(64 * KIB):
        count += len(data)
    thread.join()
    assert count == 80 * KIB


def test_our_own_slowness_is_not_the_clients(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, theirs = pair
    time.sleep(0.7)
    theirs.sendall(b"x")
    assert ours.recv(100) == b"x"


def test_bytes_in_advance_buy_no_more_than_full_patience(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, theirs = pair
    theirs.sendall(bytes(MIB // 2))
    left = MIB // 2
    while left:
        left -= len(ours.recv(left))
    since = time.monotonic()
    with pytest.raises(ClientStalledError):
        ours.recv(1)
    assert took(since) < 2


def test_who_does_not_read_is_cut_off_and_closing_takes_no_time(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, theirs = pair
    since = time.monotonic()
    with pytest.raises(ClientStalledError):
        ours.sendall(bytes(64 * MIB))
    assert 0.4 < took(since) < 2
    since = time.monotonic()
    from gunicorn.util import close_graceful

    ours.setblocking(True)
    close_graceful(ours)
    assert took(since) < 1, "with a client to wait for gunicorn takes two seconds"
    assert is_over(theirs)


def test_a_file_arrives_in_whole_from_where_it_was_asked_for(
    pair: tuple[PatientSocket, socket.socket], tmp_path: Path
) -> None:
    ours, theirs = pair
    content = bytes(n * 7 % 251 for n in range(3_000_001))
    (tmp_path / "video").write_bytes(content)
    got = bytearray()

    def take() -> None:
        while data := theirs.recv(64 * KIB):
            got.extend(data)
            if len(got) < 200 * KIB:
                time.sleep(0.05)

    thread = threading.Thread(target=take)
    thread.start()
    with (tmp_path / "video").open("rb") as file:
        assert ours.sendfile(file, 5, 2_500_000) == 2_500_000
    ours.shutdown(socket.SHUT_WR)
    thread.join()
    assert bytes(got) == content[5:2_500_005]


def test_a_file_that_is_shorter_than_was_said_ends_the_connection(
    pair: tuple[PatientSocket, socket.socket], tmp_path: Path
) -> None:
    ours, theirs = pair
    (tmp_path / "video").write_bytes(b"short")
    with (tmp_path / "video").open("rb") as file, pytest.raises(ClientStalledError):
        ours.sendfile(file, 0, 100)
    assert is_over(theirs)


def test_a_file_that_its_disk_does_not_give_ends_the_connection_in_one_line_of_the_log(
    pair: tuple[PatientSocket, socket.socket], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = pair
    (tmp_path / "disk").mkdir()
    with breaking_disk(tmp_path / "disk", tmp_path / "image") as disk:
        video = tmp_path / "disk" / "video"
        video.write_bytes(random.Random(1).randbytes(256 * KIB))
        with disk.unreadable(video, since=64 * KIB), video.open("rb") as file:
            with pytest.raises(ClientStalledError):
                ours.sendfile(file, 0, 256 * KIB)
            assert is_over(theirs)
    (line,) = caplog.records
    assert line.getMessage() == f"{video} cannot be read: Input/output error"
    assert line.exc_info is None


def test_who_does_not_read_a_file_is_cut_off(
    pair: tuple[PatientSocket, socket.socket], tmp_path: Path
) -> None:
    ours, theirs = pair
    with (tmp_path / "video").open("wb") as file:
        file.truncate(64 * MIB)
    since = time.monotonic()
    with (tmp_path / "video").open("rb") as file, pytest.raises(ClientStalledError):
        ours.sendfile(file, 0, 64 * MIB)
    assert took(since) < 3
    assert is_over(theirs)


def test_a_timeout_of_ones_own_is_no_stall(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, _ = pair
    ours.settimeout(0.1)
    with pytest.raises(TimeoutError):
        ours.recv(1)
    assert not ours.has_stalled
    ours.setblocking(False)
    assert ours.gettimeout() == 0
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    ours.setblocking(True)
    assert ours.gettimeout() is None


def test_a_hurry_ends_also_for_who_keeps_a_good_pace(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, theirs = pair
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.02):
            theirs.sendall(bytes(4 * KIB))

    thread = threading.Thread(target=send)
    thread.start()
    ours.limit_patience(patience=0.3, seconds=0.6)
    since = time.monotonic()
    try:
        with pytest.raises(ClientStalledError):
            read_for_ten_seconds(ours)
        assert took(since) < 2
    finally:
        done.set()
        thread.join()
    ours.begin_request()
    theirs.sendall(b"x")
    assert ours.recv(MIB), "another request has time again"


# -- how many may wait -----------------------------------------------------------------------------


def waits(ours: PatientSocket, ends: list[str]) -> threading.Thread:
    def wait() -> None:
        try:
            ends.append(repr(ours.recv(1)))
        except OSError as error:
            ends.append(type(error).__name__)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_who_waits_longest_makes_room_but_not_before_it_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "PATIENCE_SECONDS", 10)
    monkeypatch.setattr(sockets, "LONG_WAIT_SECONDS", 0.5)
    monkeypatch.setattr(sockets, "waiting", Waiting(2))
    ends: list[str] = []
    pairs = [socket.socketpair() for _ in range(4)]
    clients = [theirs for _, theirs in pairs]
    first, second, third, fourth = (PatientSocket(ours.detach()) for ours, _ in pairs)
    threads = [waits(first, ends)]
    wait_for(lambda: first in sockets.waiting.since, name="the first one")
    threads.append(waits(second, ends))
    wait_for(lambda: second in sockets.waiting.since, name="the second one")
    with pytest.raises(ClientStalledError):
        third.recv(1)
    assert ends == []
    time.sleep(0.5)
    threads.append(waits(fourth, ends))
    threads[0].join(5)
    assert ends == ["b''"]
    assert select.select([clients[0]], [], [], 1)[0], "the first client sees the end"
    for theirs in clients[1:]:
        theirs.sendall(b"x")
    for thread in threads:
        thread.join(5)
    assert ends == ["b''", "b'x'", "b'x'"]
    assert sockets.waiting.since == {}
    for ours in (first, second, third, fourth, *clients):
        ours.close()


def test_another_servers_connection_is_none_of_ours() -> None:
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    assert connection_of(request) is None
    with closing(socket.socket()) as plain:
        request.META["gunicorn.socket"] = plain
        assert connection_of(request) is None
