"""A real gunicorn and real workers over the test's own database, and a plain client for them.

The database is the one of the test run, so that a test arranges and looks with the ORM; it has to
be a test with `transaction=True`, since other processes see only what is committed.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import string
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from tests.conftest import FOLDERS
from tests.processes import ROOT, process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

HOST = "127.0.0.1"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """Of the database that this test uses."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    return f"postgres://{known['USER']}@/{known['HOST']}/{known['NAME']}"


def environment(media: Path, static: Path, **settings: str) -> dict[str, str]:
    """For processes of their own; call it where the test's database is set up."""
    folders = {name: str(media / folder) for name, folder in FOLDERS.items()}
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.videos.live_settings",
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(),
        "CLIPSET_TEST_MEDIA": str(media),
        "CLIPSET_TEST_STATIC": str(static),
        **folders,
        **settings,
    }


def collect_static(folder: Path) -> None:
    """What scripts/run does once: hashed and compressed, as browsers will get it."""
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env=environment(folder / "unused", folder),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Server:
    """A gunicorn that answers, with the deployed configuration."""

    port: int
    pid: int
    media: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def temp(self) -> Path:
        return self.media / FOLDERS["TEMP_STORAGE_PATH"]

    def workers(self) -> list[int]:
        return [pid for pid in descendants(self.pid) if parent_of(pid) == self.pid]

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=20)


@contextmanager
def server(
    media: Path, static: Path, log: Path, port: int | None = None, **settings: str
) -> Iterator[Server]:
    """At a free port, or at that of one that has ended."""
    port = port or free_port()
    place = {"HOST": HOST, "PORT": str(port), "SITE_URL": f"http://{HOST}:{port}"}
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
    options = environment(media, static, **place, **settings)
    with process(command, log=log, cwd=ROOT, env=options) as master:
        started = Server(port, master.pid, media, log)
        wait_for(lambda: answers(started) or master.poll() is not None, name="gunicorn")
        assert master.poll() is None, log.read_text()
        yield started


@contextmanager
def workers(media: Path, static: Path, log: Path, **settings: str) -> Iterator[int]:
    """Both clusters; gives the process id of the one that encodes."""
    command = [sys.executable, "manage.py", "qcluster"]
    options = environment(media, static, **settings)
    slow = options | {"Q_CLUSTER_NAME": django_settings.TRANSCODE_CLUSTER}
    with (
        process(command, log=log, cwd=ROOT, env=options),
        process(command, log=log.with_suffix(".slow.log"), cwd=ROOT, env=slow) as encoders,
    ):
        yield encoders.pid


def answers(started: Server) -> bool:
    """Anything: between two tests the database is empty, which /healthz takes for not well."""
    with closing(http.client.HTTPConnection(HOST, started.port, timeout=5)) as probe:
        try:
            probe.request("GET", "/healthz")
            return probe.getresponse().status > 0
        except OSError:
            return False


# -- processes ------------------------------------------------------------------------------------


def parent_of(pid: int) -> int:
    """0 for what is not there any more."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def starter_of(pid: int) -> int:
    """The process that started a confined program: its parent, or that of bubblewrap's two."""
    parent = parent_of(pid)
    while program(parent) == "bwrap":
        parent = parent_of(parent)
    return parent


def descendants(pid: int) -> list[int]:
    """Process ids of the children of a process, of theirs, and so on."""
    parents = {int(it.name): parent_of(int(it.name)) for it in Path("/proc").glob("[0-9]*")}
    found, level = list[int](), [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        found += level
    return found


def program(pid: int) -> str:
    """What runs there; "" when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def command_of(pid: int) -> str:
    """Its arguments, with NULs between them; "" when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def decoders(parent: int) -> list[int]:
    """The processes that decode images for a process, without bubblewrap's two before each."""
    found = [pid for pid in descendants(parent) if "image_child" in command_of(pid)]
    return [pid for pid in found if program(pid) != "bwrap"]


def is_running(pid: int) -> bool:
    """Whether it is there and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    """Memory of its own: what the workers share with their master is not in it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


# -- requests -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Visitor:
    """A member's browser as far as the wire shows it: a session and a token against forgery."""

    server: Server
    user: User
    token: str = field(
        default_factory=lambda: "".join(
            secrets.choice(string.ascii_letters + string.digits) for _ in range(32)
        )
    )
    session: str = ""

    def __post_init__(self) -> None:
        client = Client()
        client.force_login(self.user)
        self.session = client.cookies["sessionid"].value

    @property
    def headers(self) -> dict[str, str]:
        cookies = f"sessionid={self.session}; csrftoken={self.token}"
        return {"Host": f"{HOST}:{self.server.port}", "Cookie": cookies}

    def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection(HOST, self.server.port, timeout=20)) as line:
            line.request(method, path, headers=self.headers | named)
            got = line.getresponse()
            return Answer(got.status, got.msg, got.read())

    def upload_head(self, form: Form, **headers: str) -> bytes:
        """The request line and headers of an upload of this form."""
        wanted = {
            **self.headers,
            "Content-Type": form.content_type,
            "Content-Length": str(form.length),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = ["POST /upload/ HTTP/1.1", *(f"{key}: {value}" for key, value in wanted.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def form(self, size: int, name: str = "clip.mp4", **fields: str) -> Form:
        return Form(size, name, {"csrfmiddlewaretoken": self.token, **fields})

    def upload(self, form: Form, **headers: str) -> Answer:
        """Sends all of it, then reads the answer, as simple clients do."""
        with closing(self.server.connect()) as line:
            line.sendall(self.upload_head(form, **headers))
            line.sendall(form.head)
            for piece in form.pieces():
                line.sendall(piece)
            line.sendall(form.tail)
            return read_answer(line)


def read_answer(line: socket.socket) -> Answer:
    with closing(http.client.HTTPResponse(line, method="POST")) as got:
        got.begin()
        return Answer(got.status, got.msg, got.read())


PIECE = bytes(range(256)) * 4096  # 1 MiB


class Form:
    """A multipart form (RFC 7578) with a file of so many bytes, never in memory as a whole."""

    boundary = "------------------------clipset"

    def __init__(self, size: int, name: str, fields: dict[str, str]) -> None:
        self.size = size
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        parts.append(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{name}"\r\nContent-Type: video/mp4\r\n\r\n'
        )
        self.head = "".join(parts).encode()
        self.tail = f"\r\n--{self.boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={self.boundary}"

    @property
    def length(self) -> int:
        return len(self.head) + self.size + len(self.tail)

    def pieces(self) -> Iterator[bytes]:
        left = self.size
        while left > 0:
            yield PIECE[: min(left, len(PIECE))]
            left -= len(PIECE)


def settle(seconds: float = 0.1) -> None:
    """A moment in which something that must not happen would happen."""
    time.sleep(seconds)
