"""The internals of gunicorn that Clipset relies on; docs/gunicorn.md says where and why.

Another version of gunicorn fails here first. Each failure names the chapter of that page to read.
"""

from __future__ import annotations

import errno
import inspect
import io
import os
import selectors
import socket
import time
from collections import deque
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.config import KNOWN_SETTINGS, Config
from gunicorn.glogging import Logger
from gunicorn.http import get_parser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import FileWrapper, Response, default_environ
from gunicorn.workers import base
from gunicorn.workers.gthread import TConn, ThreadWorker

from clipset.server.sockets import ClientStalledError, PatientSocket
from clipset.server.web_worker import WebWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "gunicorn.md").read_text()


def look_at(chapter: str) -> str:
    """The sentence of a failure. The page has to have the chapter."""
    assert f"\n## {chapter}\n" in PAGE
    return f'gunicorn has changed: read "{chapter}" in docs/gunicorn.md.'


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


# -- The version --------------------------------------------------------------------------------
def test_the_version_is_one_that_the_page_was_written_for() -> None:
    major = int(version("gunicorn").partition(".")[0])
    assert major == 27, look_at("Another version of gunicorn")


# -- The worker ---------------------------------------------------------------------------------
OVERRIDDEN = {
    "init_process": ["self"],
    "accept": ["self", "listener"],
    "wait_for_and_dispatch_events": ["self", "timeout"],
    "murder_pending": ["self"],
    "handle_exit": ["self", "sig", "frame"],
    "enqueue_req": ["self", "conn"],
    "on_client_socket_readable": ["self", "conn", "client"],
    "on_pending_socket_readable": ["self", "conn", "client"],
    "handle": ["self", "conn"],
}


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_a_method_that_the_worker_overrides_is_there(name: str) -> None:
    sentence = look_at("The worker's methods")
    assert name in vars(ThreadWorker), sentence
    assert parameters(vars(ThreadWorker)[name]) == OVERRIDDEN[name], sentence


def test_the_worker_overrides_nothing_that_the_page_does_not_name() -> None:
    own = {name for name in vars(WebWorker) if not name.startswith("__")}
    assert own - {"_await_head", "_close_idle"} == set(OVERRIDDEN)
    assert all(f"`{name}`" in PAGE for name in OVERRIDDEN)


@pytest.fixture
def worker() -> Iterator[Any]:
    """A real worker of gunicorn that was not started, with its poller and its threads."""
    config = Config()
    config.set("threads", 1)
    found = ThreadWorker(1, os.getppid(), [], None, 30, config, Logger(config))
    found.poller = selectors.DefaultSelector()
    found.tpool = found.get_thread_pool()
    found.method_queue.init()
    yield found
    found.tpool.shutdown()
    found.poller.close()
    found.method_queue.close()
    found.tmp.close()


@pytest.fixture
def client() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's and the client's end of a connection."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def connection(worker: Any, client: tuple[socket.socket, socket.socket]) -> Any:
    return TConn(worker.cfg, client[0], ("127.0.0.1", 1), ("127.0.0.1", 2))


def test_the_worker_has_the_lists_and_the_poller(worker: Any) -> None:
    sentence = look_at("The worker's lists of connections")
    assert isinstance(worker.pending_conns, deque), sentence
    assert isinstance(worker.keepalived_conns, deque), sentence
    assert isinstance(worker.poller, selectors.BaseSelector), sentence


def test_the_poller_calls_what_was_registered_with_the_socket(
    worker: Any, client: tuple[socket.socket, socket.socket]
) -> None:
    called: list[Any] = []
    worker.poller.register(client[0], selectors.EVENT_READ, called.append)
    client[1].send(b"x")
    worker.wait_for_and_dispatch_events(1)
    assert called == [client[0]], look_at("The worker's lists of connections")


def test_a_pending_connection_is_closed_at_its_timeout(worker: Any, connection: Any) -> None:
    sentence = look_at("The worker's lists of connections")
    worker.nr_conns = 1
    worker.pending_conns.append(connection)
    worker.poller.register(connection.sock, selectors.EVENT_READ, None)
    connection.timeout = time.monotonic() + 60
    worker.murder_pending()
    assert worker.pending_conns, sentence
    connection.timeout = time.monotonic() - 1
    worker.murder_pending()
    assert not worker.pending_conns, sentence
    assert connection.sock.fileno() == -1, sentence
    assert worker.nr_conns == 0, sentence
    assert "self.murder_pending()" in inspect.getsource(ThreadWorker.run), sentence


def test_a_pending_connection_that_can_be_read_goes_to_a_thread(
    worker: Any, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over: list[Any] = []
    monkeypatch.setattr(worker, "enqueue_req", handed_over.append)
    worker.pending_conns.append(connection)
    worker.poller.register(connection.sock, selectors.EVENT_READ, None)
    worker.on_pending_socket_readable(connection, connection.sock)
    sentence = look_at("The worker's lists of connections")
    assert handed_over == [connection], sentence
    assert not worker.pending_conns, sentence
    assert not worker.poller.get_map(), sentence


def test_a_new_connection_is_enqueued_on_the_main_thread(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[Any] = []
    monkeypatch.setattr(worker, "enqueue_req", enqueued.append)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()):
            worker.accept(listener)
        [conn] = enqueued
        conn.close()
    sentence = look_at("The worker's methods")
    assert isinstance(conn, TConn), sentence
    assert type(conn.sock) is socket.socket, sentence


# -- The connection -----------------------------------------------------------------------------
def test_a_connection_takes_another_socket_and_more_attributes(connection: Any) -> None:
    connection.head = bytearray()
    connection.sock = PatientSocket(connection.sock.detach())
    connection.init()
    parser = connection.parser
    connection.init()
    sentence = look_at("The connection")
    assert connection.initialized, sentence
    assert connection.parser is parser, sentence
    assert isinstance(parser.unreader, SocketUnreader), sentence
    assert parser.unreader.sock is connection.sock, sentence
    connection.close()


def test_a_thread_does_not_wait_for_the_head_once_init_was_called() -> None:
    source = inspect.getsource(ThreadWorker.handle)
    assert "if not conn.initialized and not conn.data_ready:" in source, look_at("The connection")


def test_what_is_unread_comes_before_what_is_in_the_socket(
    worker: Any, client: tuple[socket.socket, socket.socket]
) -> None:
    parser = get_parser(worker.cfg, client[0], ("127.0.0.1", 1))
    client[1].send(b"t: a\r\n\r\n")
    parser.unreader.unread(b"GET /page HTTP/1.1\r\nHos")
    request = next(parser)
    assert (request.path, request.headers) == ("/page", [("HOST", "a")]), look_at("The connection")


def test_http_2_without_tls_is_off() -> None:
    assert Config().http2_cleartext == "off", look_at("The connection")
    assert "http2_cleartext" not in configuration()


def test_closing_returns_at_once_where_the_connection_was_shut_down() -> None:
    sentence = look_at("The connection")
    assert "conn.close(graceful=True)" in inspect.getsource(ThreadWorker.finish_request), sentence
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        ours, _ = listener.accept()
        ours.shutdown(socket.SHUT_RDWR)
        began = time.monotonic()
        util.close_graceful(ours)
    assert time.monotonic() - began < 1, sentence


# -- The socket ---------------------------------------------------------------------------------
def test_a_client_that_stalled_is_one_that_went_away() -> None:
    sentence = look_at("The socket")
    assert ClientStalledError().errno == errno.ECONNRESET
    source = inspect.getsource(ThreadWorker.handle)
    assert "(errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)" in source, sentence


def test_the_request_leads_to_the_socket(
    worker: Any, client: tuple[socket.socket, socket.socket]
) -> None:
    client[1].send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    request = next(get_parser(worker.cfg, client[0], ("127.0.0.1", 1)))
    environ = default_environ(request, client[0], worker.cfg)
    sentence = look_at("The socket")
    assert environ["gunicorn.socket"] is client[0], sentence
    assert environ["wsgi.file_wrapper"] is FileWrapper, sentence


class RecordingSocket(socket.socket):
    """Notes which of its methods gunicorn calls."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.calls: list[str] = []

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        self.calls.append("recv")
        return super().recv(bufsize, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.calls.append("sendall")
        super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        self.calls.append(f"sendfile(offset={offset}, count={count})")
        return super().sendfile(file, offset, count)


def test_gunicorn_reads_and_writes_by_the_methods_that_our_socket_overrides(
    worker: Any, client: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with RecordingSocket(client[0].detach()) as ours, path.open("rb") as file:
        client[1].send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        request = next(get_parser(worker.cfg, ours, ("127.0.0.1", 1)))
        response = Response(request, ours, worker.cfg)
        response.start_response("200 OK", [("Content-Length", "4")])
        file.seek(3)
        response.write_file(FileWrapper(file))
    assert client[1].recv(4096).endswith(b"\r\n\r\n3456")
    expected = ["recv", "sendall", "sendfile(offset=3, count=4)"]
    assert ours.calls == expected, look_at("The socket")


def test_the_drain_between_two_requests_bounds_each_read(worker: Any) -> None:
    source = inspect.getsource(get_parser(worker.cfg, io.BytesIO(), None).finish_body)
    for part in ("timeoutable_sock.settimeout(remaining)", "sock.gettimeout()", "TimeoutError"):
        assert part in source, look_at("The socket")


def test_sendfile_is_on_unless_it_is_configured() -> None:
    config = Config()
    sentence = look_at("The configuration")
    assert config.sendfile is not False, sentence
    config.set("sendfile", True)
    assert config.sendfile is False, "deploy/gunicorn.conf.py says that any value means False"


# -- The configuration --------------------------------------------------------------------------
def configuration() -> set[str]:
    """Names that deploy/gunicorn.conf.py sets for gunicorn."""
    source = (ROOT / "deploy" / "gunicorn.conf.py").read_text()
    names = compile(source, "gunicorn.conf.py", "exec").co_names
    return set(names) & {setting.name for setting in KNOWN_SETTINGS}


def test_the_settings_that_are_used_exist() -> None:
    expected = {
        "wsgi_app", "bind", "backlog", "worker_class", "workers", "threads", "preload_app",
        "worker_connections", "timeout", "graceful_timeout", "keepalive", "worker_tmp_dir",
        "control_socket_disable",
        "forwarded_allow_ips", "accesslog", "errorlog", "access_log_format", "on_starting",
        "forwarder_headers",
        "logger_class",
    }  # fmt: skip
    assert configuration() == expected, look_at("The configuration")
    assert parameters(Config().on_starting) == ["server"], look_at("The configuration")


def test_the_logger_has_what_ours_changes() -> None:
    sentence = look_at("The configuration")
    logger = Logger(Config())
    assert parameters(Logger.setup) == ["self", "cfg"], sentence
    assert logger.access_log.name == "gunicorn.access", sentence
    assert logger.error_log.name == "gunicorn.error", sentence
    assert "%(message)s" in Logger.error_fmt, sentence


def test_a_runtime_error_at_the_start_is_shown_without_a_trace() -> None:
    source = inspect.getsource(BaseApplication.run)
    assert "except RuntimeError as e:" in source, look_at("The configuration")


def test_sigterm_reaches_the_worker_that_announces_its_end() -> None:
    source = inspect.getsource(base.Worker.init_signals)
    assert "signal.signal(signal.SIGTERM, self.handle_exit)" in source, look_at(
        "The worker's methods"
    )
