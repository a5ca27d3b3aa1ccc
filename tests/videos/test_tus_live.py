"""Uploads by tus on a real gunicorn: cut, stopped, killed, and gone on with."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_user
from tests.processes import wait_for
from tests.videos import live
from tests.videos.conftest import use_folders_of
from tests.videos.live import HOST, Answer, Visitor, resident_bytes
from tests.videos.nginx import nginx
from tests.videos.tus_client import BODY, TUS, said
from videos.models import Job, Upload, Video

if TYPE_CHECKING:
    import socket

    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024**2


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def visitor(site: live.Server, bob: User) -> Visitor:
    return Visitor(site, bob)


@dataclass
class Sender:
    """A client of one upload; a piece is sent as one request."""

    visitor: Visitor
    video_file: bytes
    url: str = ""

    def __post_init__(self) -> None:
        headers = {
            "Upload-Length": str(len(self.video_file)),
            "Upload-Metadata": said(filename="a.mp4"),
        }
        self.url = self.ask("POST", "/uploads/", **headers).headers["Location"]

    def ask(self, method: str, path: str = "", **headers: str) -> Answer:
        given = {**TUS, "X-CSRFToken": self.visitor.token, "Content-Length": "0", **headers}
        return self.visitor.get(path or self.url, method=method, **given)

    def offset(self) -> int:
        answer = self.ask("HEAD")
        assert answer.status == HTTPStatus.OK
        return int(answer.headers["Upload-Offset"])

    def begin(self, offset: int, *, count: int, of: int | None = None) -> socket.socket:
        """Announces `of` bytes from there, or all the rest, and sends `count` of them."""
        size = len(self.video_file) - offset if of is None else of
        wanted = {
            **self.visitor.headers,
            **TUS,
            "X-CSRFToken": self.visitor.token,
            "Content-Type": BODY,
            "Content-Length": str(size),
            "Upload-Offset": str(offset),
        }
        lines = [f"PATCH {self.url} HTTP/1.1", *(f"{key}: {it}" for key, it in wanted.items())]
        line = self.visitor.server.connect()
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        line.sendall(self.video_file[offset : offset + count])
        return line

    def send(self, offset: int, *, count: int | None = None) -> Answer:
        count = len(self.video_file) - offset if count is None else count
        with closing(self.begin(offset, count=count, of=count)) as line:
            return read_answer(line)

    def has_come(self) -> int:
        try:
            return Upload.objects.get().source_path.stat().st_size
        except OSError:
            return 0


def read_answer(line: socket.socket) -> Answer:
    with closing(http.client.HTTPResponse(line, method="PATCH")) as got:
        got.begin()
        return Answer(got.status, got.msg, got.read())


def video_of(size: int) -> bytes:
    return hashlib.shake_256(b"video").digest(size)


def assert_arrived(video_file: bytes) -> None:
    video = Video.objects.get()
    found = hashlib.sha256(video.source_file.read_bytes()).hexdigest()
    assert found == hashlib.sha256(video_file).hexdigest()
    assert Job.objects.get().video == video


def test_a_piece_that_is_cut_loses_nothing(visitor: Visitor) -> None:
    sender = Sender(visitor, video_of(3 * MIB + 1))
    sender.begin(0, count=2 * MIB + 7).close()
    wait_for(lambda: Upload.objects.get().offset_bytes > 0, seconds=5, name="the saved offset")
    assert sender.offset() == 2 * MIB + 7
    answer = sender.send(2 * MIB + 7)
    assert answer.status == HTTPStatus.NO_CONTENT, answer.text
    assert answer.headers["Clipset-Video"] == Video.objects.get().get_absolute_url()
    assert_arrived(sender.video_file)


@pytest.mark.nginx
def test_through_nginx_as_documented_a_piece_that_is_cut_loses_nothing(
    site: live.Server, bob: User
) -> None:
    with nginx(site) as front:
        sender = Sender(Visitor(front, bob), video_of(3 * MIB + 1))
        sender.begin(0, count=2 * MIB).close()
        wait_for(lambda: Upload.objects.get().offset_bytes > MIB, seconds=5, name="the offset")
        offset = sender.offset()
        assert sender.send(offset).status == HTTPStatus.NO_CONTENT
    assert_arrived(sender.video_file)


@pytest.mark.nginx
def test_a_proxy_that_collects_pieces_and_takes_no_large_ones_is_in_nobodys_way(
    site: live.Server, bob: User
) -> None:
    limited = (
        ("client_max_body_size 0;", "client_max_body_size 1m;"),
        ("proxy_request_buffering off;", "proxy_request_buffering on;"),
    )
    with nginx(site, changes=limited) as front:
        sender = Sender(Visitor(front, bob), video_of(3 * MIB))
        assert sender.send(0).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        for offset in range(0, 3 * MIB, MIB):
            assert sender.offset() == offset
            assert sender.send(offset, count=MIB).status == HTTPStatus.NO_CONTENT
    assert_arrived(sender.video_file)


def test_a_line_that_went_silent_gives_way_to_a_new_one(visitor: Visitor) -> None:
    """A phone that changed networks: the old connection is still there, and nothing comes."""
    sender = Sender(visitor, video_of(2 * MIB))
    with closing(sender.begin(0, count=MIB + 3)) as silent:
        wait_for(lambda: sender.has_come() > 0, name="the first bytes")
        began = time.monotonic()
        assert sender.offset() == MIB + 3
        assert time.monotonic() - began < 5
        assert read_answer(silent).status == HTTPStatus.LOCKED
    assert sender.send(MIB + 3).status == HTTPStatus.NO_CONTENT
    assert_arrived(sender.video_file)


def test_what_still_comes_on_a_line_that_gave_way_is_no_request(visitor: Visitor) -> None:
    sender = Sender(visitor, video_of(MIB))
    with closing(sender.begin(0, count=1000)) as old:
        wait_for(lambda: Upload.objects.get().writer_token, name="the writer")
        assert sender.offset() == 1000
        old.sendall(b"DELETE " + sender.url.encode() + b" HTTP/1.1\r\n")
        assert read_answer(old).status == HTTPStatus.LOCKED
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            read_answer(old)


def test_a_stop_saves_what_came_and_ends_in_time(
    static_files: Path, tmp_path: Path, transactional_db: None, settings: Settings, bob: User
) -> None:
    with live.server(tmp_path / "media", static_files, tmp_path / "log") as first:
        use_folders_of(first, settings)
        sender = Sender(Visitor(first, bob), video_of(2 * MIB))
        with closing(sender.begin(0, count=MIB)) as line:
            # The server has read all once only the last piece is missing in the file.
            wait_for(lambda: sender.has_come() >= MIB - 2**16, name="all but the last piece")
            began = time.monotonic()
            os.kill(first.pid, signal.SIGTERM)
            assert read_answer(line).status == HTTPStatus.SERVICE_UNAVAILABLE
            # The service manager kills it after 15 s (TimeoutStopSec in docs/operations.md).
            wait_for(lambda: not live.is_running(first.pid), seconds=15, name="the end")
            assert time.monotonic() - began < 15
    upload = Upload.objects.get()
    assert (upload.offset_bytes, upload.writer_token) == (MIB, "")


def test_a_killed_server_loses_little_and_locks_nobody_out(
    static_files: Path, tmp_path: Path, transactional_db: None, settings: Settings, bob: User
) -> None:
    with live.server(tmp_path / "media", static_files, tmp_path / "log") as own:
        use_folders_of(own, settings)
        visitor = Visitor(own, bob)
        sender = Sender(visitor, video_of(8 * MIB))
        assert sender.send(0, count=3 * MIB).status == HTTPStatus.NO_CONTENT
        with closing(sender.begin(3 * MIB, count=2 * MIB)):
            wait_for(lambda: sender.has_come() > 3 * MIB, name="more bytes")
            before = own.workers()
            for worker in before:
                os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len(set(own.workers()) - set(before)) == len(before), name="new workers")
        began = time.monotonic()
        offset = sender.offset()
        assert 3 * MIB <= offset <= 5 * MIB
        assert sender.send(offset).status == HTTPStatus.NO_CONTENT
        assert time.monotonic() - began < 5, "nobody waits for a dead one's lease"
    assert_arrived(sender.video_file)


def test_memory_does_not_grow_with_the_piece(visitor: Visitor, site: live.Server) -> None:
    Sender(visitor, video_of(MIB)).send(0)
    video_file = video_of(128 * MIB)
    before = {pid: resident_bytes(pid) for pid in site.workers()}
    highest, done = dict(before), threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for pid in before:
                highest[pid] = max(highest[pid], resident_bytes(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert Sender(visitor, video_file).send(0).status == HTTPStatus.NO_CONTENT
    finally:
        done.set()
        watcher.join()
    growth = max(highest[pid] - before[pid] for pid in before)
    print(f"a worker grew by {growth / MIB:.1f} MB while 128 MB came in")
    assert growth < 32 * MIB


def test_one_answer_after_the_other_on_one_connection(visitor: Visitor, site: live.Server) -> None:
    """A refused piece is thrown away rather than taken for the next request."""
    sender = Sender(visitor, video_of(MIB))
    with closing(http.client.HTTPConnection(HOST, site.port, timeout=20)) as line:
        statuses = []
        for offset in (5, 0):
            headers = {
                **visitor.headers,
                **TUS,
                "X-CSRFToken": visitor.token,
                "Content-Type": BODY,
                "Upload-Offset": str(offset),
            }
            line.request("PATCH", sender.url, sender.video_file, headers)
            with line.getresponse() as answer:
                answer.read()
                statuses.append(answer.status)
    assert statuses == [HTTPStatus.CONFLICT, HTTPStatus.NO_CONTENT]
    assert_arrived(sender.video_file)
