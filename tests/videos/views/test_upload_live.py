"""The plain form on a real gunicorn: what only the wire shows."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from tests.builders import make_user
from tests.processes import wait_for
from tests.videos import live
from tests.videos.conftest import use_folders_of
from tests.videos.live import Visitor, read_answer, resident_bytes
from tests.videos.stored_videos import assert_nothing_is_left, files_below, set_limits, used
from videos.models import Job, ProcessingStatus, Upload, Video
from videos.services.uploads.expire import end_expired_uploads

if TYPE_CHECKING:
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


def test_an_upload_over_the_wire_arrives_byte_for_byte(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    answer = visitor.upload(visitor.form(5 * MIB + 1, title="Sea"), Accept="application/json")
    assert answer.status == HTTPStatus.CREATED, answer.text
    video = Video.objects.get()
    assert video.processing_status == ProcessingStatus.PENDING
    assert video.source_file.read_bytes() == live.PIECE * 5 + b"\x00"
    assert video.file_size_bytes == used(bob) == 5 * MIB + 1
    assert Job.objects.count() == 1


def test_over_quota_is_answered_before_any_of_the_body_is_sent(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    set_limits(week=MIB)
    form = visitor.form(2 * MIB)
    with closing(site.connect()) as line:
        line.settimeout(5)
        line.sendall(visitor.upload_head(form, Accept="application/json"))
        answer = read_answer(line)
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "Not enough weekly quota" in answer.text
    assert_nothing_is_left(bob)


def test_too_large_is_answered_before_any_of_the_body_is_sent(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    set_limits(file=MIB)
    form = visitor.form(1 << 40)
    with closing(site.connect()) as line:
        line.settimeout(5)
        line.sendall(visitor.upload_head(form))
        answer = read_answer(line)
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "larger than 1 MB" in answer.text
    assert_nothing_is_left(bob)


@pytest.mark.parametrize("size", [30 * MIB, 60 * MIB])
def test_who_sends_all_of_a_refused_body_gets_the_answer_rather_than_a_reset(
    visitor: Visitor, bob: User, size: int
) -> None:
    set_limits(week=MIB)
    answer = visitor.upload(visitor.form(size), Accept="application/json")
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "weekly quota" in answer.text
    assert_nothing_is_left(bob)


def test_who_sends_30_mb_of_a_wrong_kind_gets_the_answer(visitor: Visitor, bob: User) -> None:
    answer = visitor.upload(visitor.form(30 * MIB, "setup.exe", title="Kept"))
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "This file type isn't supported" in unescape(answer.text)
    assert 'value="Kept"' in answer.text
    assert_nothing_is_left(bob)


def test_who_begins_to_send_100_mb_of_a_wrong_kind_gets_the_answer_early(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    form = visitor.form(100 * MIB, "setup.exe", title="Kept")
    with closing(site.connect()) as line:
        line.settimeout(5)
        line.sendall(visitor.upload_head(form) + form.head + live.PIECE)
        answer = read_answer(line)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'value="Kept"' in answer.text
    assert_nothing_is_left(bob)


def put_file_first(form: live.Form) -> None:
    """Before the token, as a form may have it."""
    boundary = f"\r\n--{form.boundary}".encode()
    field, part, file = form.head.partition(boundary)
    form.head = part.removeprefix(b"\r\n") + file
    form.tail = b"\r\n" + field + form.tail


def test_a_refusal_wins_over_a_token_that_stands_behind_what_was_not_read(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    set_limits(file=100 * MIB)
    form = visitor.form(80 * MIB, "setup.exe")
    put_file_first(form)
    with closing(site.connect()) as line:
        line.settimeout(5)
        line.sendall(visitor.upload_head(form) + form.head + live.PIECE)
        answer = read_answer(line)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "This file type isn't supported" in unescape(answer.text)
    assert_nothing_is_left(bob)


def test_a_file_over_the_limit_before_the_token_is_413(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    set_limits(file=80 * MIB)
    form = visitor.form(80 * MIB + 1)
    put_file_first(form)
    answer = visitor.upload(form)
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "larger than 80 MB" in answer.text
    assert_nothing_is_left(bob)


def test_a_forged_request_with_30_mb_gets_403(visitor: Visitor, bob: User) -> None:
    form = visitor.form(30 * MIB)
    visitor.token = "x" * 32  # not the one in the form
    assert visitor.upload(form).status == HTTPStatus.FORBIDDEN
    wait_for(lambda: not Upload.objects.exists())
    assert_nothing_is_left(bob)


def test_a_stranger_with_30_mb_is_sent_to_the_log_in(visitor: Visitor, bob: User) -> None:
    form = visitor.form(30 * MIB)
    visitor.session = "none"
    answer = visitor.upload(form)
    assert answer.status == HTTPStatus.FOUND
    assert answer.headers["Location"] == "/login/?next=/upload/"
    assert_nothing_is_left(bob)


def test_a_body_without_a_length_is_411(visitor: Visitor, bob: User, site: live.Server) -> None:
    form = visitor.form(10)
    head = visitor.upload_head(form).replace(
        f"Content-Length: {form.length}".encode(), b"Transfer-Encoding: chunked"
    )
    body = form.head + b"0123456789" + form.tail
    with closing(site.connect()) as line:
        line.sendall(head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        answer = read_answer(line)
    assert answer.status == HTTPStatus.LENGTH_REQUIRED
    assert_nothing_is_left(bob)


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999999", "5, 6"])
def test_odd_lengths_are_a_4xx(visitor: Visitor, bob: User, site: live.Server, length: str) -> None:
    form = visitor.form(10)
    head = visitor.upload_head(form).replace(
        f"Content-Length: {form.length}".encode(), f"Content-Length: {length}".encode()
    )
    with closing(site.connect()) as line:
        line.settimeout(5)
        line.sendall(head)
        answer = read_answer(line)
    assert 400 <= answer.status < 500
    assert_nothing_is_left(bob)


@pytest.mark.parametrize("sent", ["nothing", "the fields", "half", "all but the end"])
def test_a_broken_connection_gives_the_quota_back_and_leaves_no_file(
    visitor: Visitor, bob: User, site: live.Server, sent: str
) -> None:
    form = visitor.form(8 * MIB, title="Cut")
    pieces = {
        "nothing": [],
        "the fields": [form.head],
        "half": [form.head, *[live.PIECE] * 4],
        "all but the end": [form.head, *[live.PIECE] * 8, form.tail[:10]],
    }[sent]
    with closing(site.connect()) as line:
        line.sendall(visitor.upload_head(form))
        for piece in pieces:
            line.sendall(piece)
        wait_for(Upload.objects.exists, name="the reservation")
        assert used(bob) == form.length
        if sent == "half":
            wait_for(lambda: files_below(site.temp), name="the first bytes")
    wait_for(lambda: not Upload.objects.exists(), seconds=5, name="the end of the upload")
    wait_for(lambda: not files_below(site.temp), seconds=5)
    assert_nothing_is_left(bob)


def test_a_reset_connection_gives_the_quota_back(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    import socket
    import struct

    form = visitor.form(8 * MIB)
    line = site.connect()
    line.sendall(visitor.upload_head(form) + form.head + live.PIECE)
    wait_for(lambda: files_below(site.temp))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
    wait_for(lambda: not Upload.objects.exists(), seconds=5, name="the end of the upload")
    wait_for(lambda: not files_below(site.temp), seconds=5)
    assert_nothing_is_left(bob)


def test_a_slow_upload_keeps_its_reservation(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    form = visitor.form(3 * MIB)
    with closing(site.connect()) as line:
        line.sendall(visitor.upload_head(form) + form.head + live.PIECE)
        wait_for(lambda: files_below(site.temp))
        # As if this had been going on for 14 minutes.
        soon = timezone.now() + timedelta(minutes=1)
        Upload.objects.update(expires_at=soon)
        line.sendall(live.PIECE)
        assert end_expired_uploads() == 0
        line.sendall(live.PIECE + form.tail)
        assert read_answer(line).status == HTTPStatus.FOUND
    assert used(bob) == 3 * MIB


def test_an_upload_that_expired_while_it_came_is_refused_with_a_sentence(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    form = visitor.form(3 * MIB, title="Kept")
    with closing(site.connect()) as line:
        line.sendall(visitor.upload_head(form) + form.head + live.PIECE)
        wait_for(lambda: files_below(site.temp))
        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert end_expired_uploads() == 1
        line.sendall(live.PIECE * 2 + form.tail)
        answer = read_answer(line)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "This upload timed out. Try again." in answer.text
    assert 'value="Kept"' in answer.text
    assert_nothing_is_left(bob)


def test_what_a_killed_server_leaves_is_swept_once_it_expires(
    static_files: Path,
    tmp_path: Path,
    transactional_db: None,
    settings: Settings,
    bob: User,
) -> None:
    with live.server(tmp_path / "media", static_files, tmp_path / "log") as own:
        use_folders_of(own, settings)
        visitor = Visitor(own, bob)
        form = visitor.form(8 * MIB)
        with closing(own.connect()) as line:
            line.sendall(visitor.upload_head(form) + form.head + live.PIECE * 2)
            wait_for(lambda: files_below(own.temp), name="the first bytes")
            before = own.workers()
            for worker in before:
                os.kill(worker, signal.SIGKILL)
            wait_for(
                lambda: len(set(own.workers()) - set(before)) == len(before),
                name="new workers",
            )
        assert used(bob) == form.length
        assert Upload.objects.count() == 1
        assert end_expired_uploads() == 0, "it has not expired yet"

        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert end_expired_uploads() == 1
        assert_nothing_is_left(bob)
        assert visitor.upload(visitor.form(MIB)).status == HTTPStatus.FOUND


def test_memory_does_not_grow_with_the_file(visitor: Visitor, bob: User, site: live.Server) -> None:
    assert visitor.upload(visitor.form(MIB)).status == HTTPStatus.FOUND
    before = {pid: resident_bytes(pid) for pid in site.workers()}
    highest = dict(before)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for pid in before:
                highest[pid] = max(highest[pid], resident_bytes(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert visitor.upload(visitor.form(200 * MIB)).status == HTTPStatus.FOUND
    finally:
        done.set()
        watcher.join()
    growth = max(highest[pid] - before[pid] for pid in before)
    print(f"a worker grew by {growth / MIB:.1f} MB while 200 MB came in")
    assert growth < 32 * MIB
    assert used(bob) == 201 * MIB


def test_uploads_at_once_do_not_pass_the_quota_together(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    """Ten at once of which three fit: three are taken, whatever the order."""
    set_limits(week=7 * MIB)

    def one(_: int) -> int:
        """Tries again as the site asks if a slow disk makes it wait too long for the lock."""
        try:
            for _attempt in range(5):
                answer = visitor.upload(visitor.form(2 * MIB))
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    break
                assert answer.headers["Retry-After"], answer.text
            return answer.status
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(one, range(10)))
    assert statuses.count(HTTPStatus.FOUND) <= 3
    assert set(statuses) == {HTTPStatus.FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    assert used(bob) == 2 * MIB * statuses.count(HTTPStatus.FOUND)
    assert Video.objects.count() == statuses.count(HTTPStatus.FOUND) >= 1
    assert not Upload.objects.exists()
    # The reservations of those that failed were not kept: what is left can still be used.
    while visitor.upload(visitor.form(2 * MIB)).status == HTTPStatus.FOUND:
        assert used(bob) <= 7 * MIB
    assert used(bob) == 6 * MIB


def test_two_halves_of_the_quota_at_once_both_pass(visitor: Visitor, bob: User) -> None:
    set_limits(week=4 * MIB)

    def one(_: int) -> int:
        return visitor.upload(visitor.form(2 * MIB - 1024)).status

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, range(2))) == [HTTPStatus.FOUND, HTTPStatus.FOUND]


def test_one_connection_serves_a_refusal_and_then_an_upload(
    visitor: Visitor, bob: User, site: live.Server
) -> None:
    """What is left of a refused body is not taken for the next request."""
    set_limits(week=4 * MIB)
    with closing(site.connect()) as line:
        for size, status in [(5 * MIB, 413), (1024, 302)]:
            form = visitor.form(size)
            line.sendall(visitor.upload_head(form) + form.head)
            for piece in form.pieces():
                line.sendall(piece)
            line.sendall(form.tail)
            answer = read_answer(line)
            assert answer.status == status
            if answer.headers["Connection"] == "close":
                return
    assert Video.objects.count() == 1
