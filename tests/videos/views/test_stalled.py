"""Clients that stop halfway, on a real gunicorn: the site answers the others all the while."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_user, make_video
from tests.processes import wait_for
from tests.videos import live
from tests.videos.conftest import use_folders_of
from tests.videos.live import Visitor, read_answer
from tests.videos.stored_videos import assert_nothing_is_left, files_below
from videos.models import Upload, UploadState, Video
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

KIB, MIB = 1024, 1024**2
VIDEO = 24 * MIB  # bytes: three pieces, and more than any socket's buffers
THREADS = 64  # of both processes
SOON = 2  # seconds; what the site is asked while others stall
PATIENCE = 1.5  # seconds, of the impatient server


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture(scope="module")
def impatient_gunicorn(
    tmp_path_factory: pytest.TempPathFactory,
    static_files: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[live.Server]:
    folder = tmp_path_factory.mktemp("impatient")
    places = (folder / "media", static_files, folder / "log")
    with live.server(*places, CLIPSET_TEST_PATIENCE=str(PATIENCE)) as started:
        yield started


@pytest.fixture
def impatient(
    impatient_gunicorn: live.Server, media: Path, transactional_db: None, settings: Settings
) -> live.Server:
    """A site whose patience ends within a test."""
    use_folders_of(impatient_gunicorn, settings)
    return impatient_gunicorn


def video_file(uploader: User, size: int = VIDEO) -> Video:
    video = make_video(uploader=uploader)
    with video.file_path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(live.PIECE)
    return video


def asked(site: live.Server) -> list[float | str]:
    """Seconds that answers took, or what was wrong. Six times, since either process may answer."""
    found: list[float | str] = []
    for _ in range(6):
        since = time.monotonic()
        with closing(http.client.HTTPConnection(live.HOST, site.port, timeout=2 * SOON)) as line:
            try:
                line.request("GET", "/healthz")
                status = line.getresponse().status
            except OSError as error:
                found.append(repr(error))
                continue
        took = time.monotonic() - since
        found.append(took if status == HTTPStatus.OK else f"{status}")
    return found


def answers_soon(site: live.Server) -> bool:
    wait_until_still(site)
    found = asked(site)
    is_soon = all(isinstance(took, float) and took < SOON for took in found)
    if not is_soon:
        print(found)
    return is_soon


def wait_until_still(site: live.Server) -> None:
    """Until all that was sent has been looked at, and the processes only wait."""
    before = -1
    deadline = time.monotonic() + 10
    while (now := processor_ticks(site)) != before and time.monotonic() < deadline:
        before = now
        time.sleep(0.3)


def processor_ticks(site: live.Server) -> int:
    fields = (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1] for pid in site.workers())
    return sum(int(ticks) for text in fields for ticks in text.split()[11:13])


def ask(visitor: Visitor, path: str, **headers: str) -> bytes:
    """A request as it is sent."""
    wanted = visitor.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in wanted.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def half_log_in(site: live.Server) -> bytes:
    """With a token's cookie, without which the body is not looked at."""
    return (
        f"POST /login/ HTTP/1.1\r\nHost: {live.HOST}:{site.port}\r\n"
        f"Cookie: csrftoken={'x' * 32}\r\nContent-Length: 500\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=eve"
    ).encode()


def stalled_reader(visitor: Visitor, path: str, **headers: str) -> socket.socket:
    """One that asks for a video and takes nothing of it but the first bytes."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * KIB)
    line.settimeout(10)
    line.connect((live.HOST, visitor.server.port))
    line.sendall(ask(visitor, path, **headers))
    return line


def is_cut(line: socket.socket, *, seconds: float) -> bool:
    """Whether the server ends the connection within the time; what it sends until then is lost."""
    line.settimeout(seconds)
    try:
        while line.recv(64 * KIB):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


# -- the site stays -------------------------------------------------------------------------------


def test_idle_connections_and_half_heads_hold_no_thread(site: live.Server) -> None:
    with ExitStack() as held:
        for number in range(2 * THREADS + 12):
            line = held.enter_context(closing(site.connect()))
            if number % 2:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
        assert answers_soon(site)


def test_half_heads_on_kept_connections_hold_no_thread(site: live.Server) -> None:
    with ExitStack() as held:
        for _ in range(THREADS + 6):
            line = held.enter_context(closing(site.connect()))
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(line).status == HTTPStatus.OK
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        assert answers_soon(site)


def test_forty_stalled_readers_and_forty_half_bodies_do_not_stop_the_site(
    site: live.Server, bob: User
) -> None:
    readers = [Visitor(site, make_user(f"reader{number}")) for number in range(10)]
    sender = Visitor(site, bob)
    path = f"/v/{video_file(bob).short_id}/stream.mp4"
    form = sender.form(MIB)
    before = answered_uploads(site)
    with ExitStack() as held:
        for number in range(40):
            held.enter_context(closing(stalled_reader(readers[number % 10], path)))
            line = held.enter_context(closing(site.connect()))
            line.sendall(sender.upload_head(form) + form.head + bytes(KIB))
        # On a busy disk each waits at first until the others have written their rows.
        open_uploads = Upload.objects.filter(state=UploadState.OPEN)
        wait_for(
            lambda: open_uploads.count() + answered_uploads(site) - before >= 40,
            seconds=30,
            name="the beginning of all uploads",
        )
        assert answers_soon(site)
        assert readers[0].get("/login/").status == HTTPStatus.FOUND
    # The server is that of the whole module: a request that ends after the flush would write rows.
    wait_for(lambda: not open_uploads.exists(), seconds=30, name="the end of all uploads")


def answered_uploads(site: live.Server) -> int:
    return site.log.read_text().count('"POST /upload/ ')


def test_a_hundred_half_log_ins_of_strangers_do_not_stop_the_site(site: live.Server) -> None:
    with ExitStack() as held:
        for _ in range(100):
            held.enter_context(closing(site.connect())).sendall(half_log_in(site))
        assert answers_soon(site)


def test_who_is_answered_and_does_not_hang_up_holds_nobody_up(site: live.Server) -> None:
    """gunicorn's own main thread would wait 2 s for each of them."""
    with ExitStack() as held:
        for _ in range(30):
            line = held.enter_context(closing(site.connect()))
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b"200" in line.recv(100)
        assert answers_soon(site)


def test_requests_in_a_row_on_one_connection_are_all_answered(site: live.Server) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(site.connect()) as line:
        line.settimeout(5)
        # The last one comes in pieces, behind others that came at once.
        line.sendall(one * 40 + one[:30])
        time.sleep(0.3)
        line.sendall(one[30:35])
        time.sleep(0.1)
        line.sendall(one[35:])
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < 41:
            data = line.recv(64 * KIB)
            assert data, got[-500:]
            got += data


def p95(site: live.Server, visitor: Visitor) -> float:
    """Seconds that 95 of 100 answers to a member take at most, on pages that ask the database."""
    took = []
    for number in range(40):
        since = time.monotonic()
        answer = visitor.get("/" if number % 2 else "/settings/")
        took.append(time.monotonic() - since)
        assert answer.status == HTTPStatus.OK
    return sorted(took)[37]


def test_pages_are_quick_beside_two_hundred_clients_that_stop_reading(
    site: live.Server, bob: User
) -> None:
    video = video_file(bob)
    token = create_guest_link(video=video, created_by=bob, lifetime=timedelta(days=1)).token
    readers = [Visitor(site, make_user(f"reader{number}")) for number in range(12)]
    idle = p95(site, Visitor(site, bob))
    with ExitStack() as held:
        for number in range(100):
            reader = readers[number % 12]
            path = f"/v/{video.short_id}/stream.mp4"
            held.enter_context(closing(stalled_reader(reader, path)))
            held.enter_context(closing(stalled_reader(reader, f"/s/{token}/stream.mp4")))
        wait_until_still(site)
        # Half a second; more only where the machine takes long without them, too.
        assert p95(site, Visitor(site, bob)) < max(0.5, 3 * idle)
        assert answers_soon(site)


# -- patience ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("drips", [False, True])
def test_an_upload_that_stops_coming_is_abandoned_with_408(
    impatient: live.Server, bob: User, drips: bool
) -> None:
    visitor = Visitor(impatient, bob)
    form = visitor.form(8 * MIB)
    done = threading.Event()
    with closing(impatient.connect()) as line:
        line.settimeout(10)
        line.sendall(visitor.upload_head(form) + form.head + live.PIECE)
        wait_for(lambda: files_below(impatient.temp), name="the first bytes")

        def drip() -> None:
            while not done.wait(0.1):
                line.sendall(b"x")

        thread = threading.Thread(target=drip)
        if drips:
            thread.start()
        since = time.monotonic()
        try:
            answer = read_answer(line)
        finally:
            done.set()
            if drips:
                thread.join()
    assert answer.status == HTTPStatus.REQUEST_TIMEOUT
    assert "The upload was interrupted." in answer.text
    assert answer.headers["Connection"] == "close" or time.monotonic() - since < 3 * PATIENCE
    wait_for(lambda: not Upload.objects.exists(), seconds=5)
    assert_nothing_is_left(bob)


def test_an_upload_that_is_slow_but_goes_on_is_taken(impatient: live.Server, bob: User) -> None:
    visitor = Visitor(impatient, bob)
    form = visitor.form(160 * KIB)
    with closing(impatient.connect()) as line:
        line.sendall(visitor.upload_head(form) + form.head)
        for _ in range(10):
            time.sleep(0.4)
            line.sendall(bytes(16 * KIB))
        line.sendall(form.tail)
        assert read_answer(line).status == HTTPStatus.FOUND
    assert Video.objects.get().file_size_bytes == 160 * KIB


def test_a_log_in_that_stops_halfway_is_408_and_no_error(impatient: live.Server) -> None:
    with closing(impatient.connect()) as line:
        line.settimeout(10)
        line.sendall(half_log_in(impatient))
        assert read_answer(line).status == HTTPStatus.REQUEST_TIMEOUT
        assert is_cut(line, seconds=5)
    assert "Traceback" not in impatient.log.read_text()


def test_a_stalled_reader_is_cut_off_and_its_slot_is_free_again(
    impatient: live.Server, bob: User
) -> None:
    visitors = [Visitor(impatient, make_user(f"reader{number}")) for number in range(3)]
    path = f"/v/{video_file(bob).short_id}/stream.mp4"
    with ExitStack() as held:
        lines = [
            held.enter_context(closing(stalled_reader(visitors[number % 3], path)))
            for number in range(24)
        ]
        time.sleep(PATIENCE + 1)
        since = time.monotonic()
        assert answers_soon(impatient)
        assert all(is_cut(line, seconds=3) for line in lines)
        assert time.monotonic() - since < 5, "nobody waited for them one by one"
    answers = [visitors[0].get(path, Range="bytes=0-").status for _ in range(20)]
    assert answers == [HTTPStatus.PARTIAL_CONTENT] * 20
    assert "Traceback" not in impatient.log.read_text()


@pytest.mark.long  # server/test_sockets.py has slow lines in each run
def test_a_refused_body_that_drips_is_not_waited_for_longer_than_it_is_said(
    site: live.Server, bob: User
) -> None:
    """4 KB/s, so that patience alone would never end."""
    head = (
        f"POST /nothing/ HTTP/1.1\r\nHost: {live.HOST}:{site.port}\r\n"
        "Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"
    ).encode()
    since = time.monotonic()
    with closing(site.connect()) as line:
        line.sendall(head)
        try:
            while time.monotonic() < since + 20:
                line.sendall(bytes(2 * KIB))
                time.sleep(0.2)
        except OSError:
            pass
    assert time.monotonic() - since < 15


# -- how many at once -----------------------------------------------------------------------------


def test_one_member_may_not_take_all_that_there_is(site: live.Server, bob: User) -> None:
    visitor = Visitor(site, bob)
    path = f"/v/{video_file(bob).short_id}/stream.mp4"
    with ExitStack() as held:
        lines = [held.enter_context(closing(stalled_reader(visitor, path))) for _ in range(20)]
        heads = [line.recv(4 * KIB) for line in lines]
        begun = [head for head in heads if head.startswith(b"HTTP/1.1 200")]
        refused = [head for head in heads if head.startswith(b"HTTP/1.1 429")]
        assert len(begun) + len(refused) == 20
        assert 8 <= len(begun) <= 16, "8 in each of two processes"
        assert b"Retry-After: 5" in refused[0]
        said = refused[0]
        while b"Too many videos open at once" not in said:
            said += lines[heads.index(refused[0])].recv(4 * KIB)
        # Others watch, and what needs no thread for long is there for all.
        other = Visitor(site, make_user("alice"))
        assert other.get(path, Range="bytes=0-").status == HTTPStatus.PARTIAL_CONTENT
        assert visitor.get(path, Range="bytes=0-99").status == HTTPStatus.PARTIAL_CONTENT
        assert visitor.get(path, method="HEAD").status == HTTPStatus.OK
    # They hung up, and their slots are free.
    wait_for(
        lambda: {visitor.get(path, Range="bytes=0-").status for _ in range(12)} == {206}, seconds=5
    )


def test_media_leave_threads_for_pages(site: live.Server, bob: User) -> None:
    path = f"/v/{video_file(bob).short_id}/stream.mp4"
    many = [Visitor(site, make_user(f"member{number}")) for number in range(12)]
    with ExitStack() as held:
        lines = [
            held.enter_context(closing(stalled_reader(many[number % 12], path)))
            for number in range(70)
        ]
        heads = [line.recv(4 * KIB) for line in lines]
        kinds = {head.split(b" ", 2)[1] for head in heads}
        assert sum(head.startswith(b"HTTP/1.1 200") for head in heads) <= 48
        assert b"503" in kinds
        assert kinds <= {b"200", b"429", b"503"}
        assert answers_soon(site)
        assert many[0].get("/").status == HTTPStatus.OK
