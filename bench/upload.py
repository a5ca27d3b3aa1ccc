"""How fast a video comes in: by tus to Clipset, by PUT to nginx, by tus to @tus/server.

One client sends the same gigabyte over loopback to each in turn, several times; the best of each
counts. Clipset is gunicorn with the deployed configuration; it has hashed the video, and has it on
the disk (fdatasync), before it answers. The other two do neither, so that their file is synced by
an fsync behind the answer, which counts; what they take without it is said as well.
"""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.media import ROUNDS, start_django
from bench.watch import ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

HOST = "127.0.0.1"
MIB = 1024**2
SIZE = int(os.environ.get("BENCH_UPLOAD_BYTES", str(1000**3)))
PIECE = 64 * MIB
PROMISED = 0.8  # of nginx
MAY_GROW = 32 * MIB
TUS = {"Tus-Resumable": "1.0.0"}
HERE = Path(__file__).parent
STATUSES = {"POST": 201, "PATCH": 204, "PUT": 201}


@dataclass(frozen=True)
class Run:
    """Seconds: until the last answer, and until the file is on the disk."""

    answered: float
    stored: float


# -- the client -----------------------------------------------------------------------------------


class Client:
    """One connection, which sends from the file's pages in the kernel."""

    def __init__(self, port: int, video_file: Path, headers: dict[str, str]) -> None:
        self.video_file = video_file.open("rb")
        self.line = socket.create_connection((HOST, port), timeout=120)
        self.headers = {"Host": f"{HOST}:{port}", **headers}

    def close(self) -> None:
        self.line.close()
        self.video_file.close()

    def send(
        self, method: str, path: str, offset: int, count: int, **headers: str
    ) -> http.client.HTTPMessage:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {**self.headers, **named, "Content-Length": str(count)}
        lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {it}" for key, it in given.items())]
        self.line.sendall("\r\n".join([*lines, "", ""]).encode())
        if count:
            self.line.sendfile(self.video_file, offset, count)
        with closing(http.client.HTTPResponse(self.line, method=method)) as answer:
            answer.begin()
            said = answer.read()
            if answer.status != STATUSES[method]:
                raise SystemExit(f"{method} {path}: {answer.status} {said!r}")
            return answer.msg

    def send_by_tus(self, path: str, piece: int) -> str:
        """Gives the address of the upload."""
        name = base64.b64encode(b"film.mp4").decode()
        made = self.send(
            "POST", path, 0, 0, Upload_Length=str(SIZE), Upload_Metadata=f"filename {name}"
        )
        url: str = made["Location"].removeprefix(f"http://{self.headers['Host']}")
        for offset in range(0, SIZE, piece):
            count = min(piece, SIZE - offset)
            kind = "application/offset+octet-stream"
            self.send("PATCH", url, offset, count, Upload_Offset=str(offset), Content_Type=kind)
        return url


def synced(began: float, path: Path) -> Run:
    """Of a server that has answered and leaves it to the kernel when to write."""
    answered = time.monotonic() - began
    if path.stat().st_size != SIZE:
        raise SystemExit(f"{path} is not whole.")
    with path.open("rb") as file:
        os.fsync(file.fileno())
    run = Run(answered, time.monotonic() - began)
    path.unlink()
    return run


# -- the servers ----------------------------------------------------------------------------------


@contextmanager
def served(command: list[str | Path], port: int, **environment: str) -> Iterator[int]:
    """Its process id, once it answers; it is stopped in the end."""
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if started.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {started.returncode}.")
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.1)
        yield started.pid
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)


class Clipset:
    def __init__(self, user: User, video_file: Path, running: ExitStack) -> None:
        from django.test import Client as Browser

        browser = Browser()
        browser.force_login(user)
        token = "b" * 32
        cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={token}"
        self.video_file = video_file
        self.port = free_port()
        self.headers = {**TUS, "Cookie": cookies, "X-CSRFToken": token}
        place = {"HOST": HOST, "PORT": str(self.port), "SITE_URL": f"http://{HOST}:{self.port}"}
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
        self.pid = running.enter_context(served([*gunicorn], self.port, **place, DEBUG="off"))

    def send(self, piece: int) -> Run:
        from videos.models import Job, Upload, Video

        with closing(Client(self.port, self.video_file, self.headers)) as client:
            began = time.monotonic()
            client.send_by_tus("/uploads/", piece)
            seconds = time.monotonic() - began
        video = Video.objects.get()
        if video.source_file.stat().st_size != SIZE:
            raise SystemExit("The video is not whole.")
        shutil.rmtree(video.source_file.parent)
        for model in (Job, Upload, Video):
            model.objects.all().delete()
        return Run(seconds, seconds)

    @contextmanager
    def growth(self) -> Iterator[list[int]]:
        """Fills the list with the bytes by which a worker grew at most."""
        workers = children(self.pid)
        before = {pid: resident_bytes(pid) for pid in workers}
        highest, done, found = dict(before), threading.Event(), list[int]()

        def watch() -> None:
            while not done.wait(0.05):
                for pid in workers:
                    highest[pid] = max(highest[pid], resident_bytes(pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield found
        finally:
            done.set()
            watcher.join()
            found.append(max(highest[pid] - before[pid] for pid in workers))


class Nginx:
    """Debian's, one worker, its defaults but for where things lie."""

    CONFIGURATION = """
        daemon off; pid {folder}/pid; worker_processes 1; {user}
        events {{ }}
        http {{
            access_log off; client_max_body_size 0;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen {host}:{port}; root {folder}/files;
                location / {{ dav_methods PUT; }}
            }}
        }}
    """

    def __init__(self, folder: Path, video_file: Path, running: ExitStack) -> None:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise SystemExit("nginx is missing. As root: apt-get install nginx")
        self.video_file = video_file
        self.folder = folder / "nginx"
        self.port = free_port()
        (self.folder / "files").mkdir(parents=True)
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = self.CONFIGURATION.format(
            folder=self.folder, host=HOST, port=self.port, user=user
        )
        (self.folder / "conf").write_text(configuration)
        command: list[str | Path] = [
            program,
            "-p",
            self.folder,
            "-c",
            self.folder / "conf",
            "-e",
            "stderr",
        ]
        running.enter_context(served(command, self.port))

    def send(self) -> Run:
        with closing(Client(self.port, self.video_file, {})) as client:
            began = time.monotonic()
            client.send("PUT", "/video.mp4", 0, SIZE)
            return synced(began, self.folder / "files/video.mp4")


class TusServer:
    """@tus/server with its file store, in the Node that is there."""

    def __init__(self, folder: Path, video_file: Path, running: ExitStack) -> None:
        self.video_file = video_file
        self.folder = folder / "tus-server"
        self.folder.mkdir()
        self.port = free_port()
        command: list[str | Path] = ["node", HERE / "tus_server.mjs", str(self.port), self.folder]
        running.enter_context(served(command, self.port))

    def send(self, piece: int) -> Run:
        with closing(Client(self.port, self.video_file, TUS)) as client:
            began = time.monotonic()
            url = client.send_by_tus("/files", piece)
            run = synced(began, self.folder / url.rsplit("/", 1)[1])
        for left in self.folder.iterdir():
            left.unlink()
        return run


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_bytes(pid: int) -> int:
    """Of its own: what the workers share with their master is not in it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


# -- the benchmark --------------------------------------------------------------------------------


def best_of_each(works: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Taking turns; each begins with nothing left to be written to the disk."""
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            os.sync()
            runs[name].append(work())
    print("Each run, seconds until the answer / until it is on the disk:")
    for name, found in runs.items():
        print(f"  {name}:", ", ".join(f"{it.answered:.2f} / {it.stored:.2f}" for it in found))
    return {
        name: Run(min(run.answered for run in found), min(run.stored for run in found))
        for name, found in runs.items()
    }


def video_in(folder: Path) -> Path:
    """Nothing that a disk or a file system could make smaller."""
    path = folder / "video.mp4"
    with path.open("wb") as file:
        while left := SIZE - file.tell():
            file.write(os.urandom(min(left, MIB)))
    return path


def speed(seconds: float) -> str:
    return f"{SIZE / seconds / 1e6:.0f} MB/s"


def row(name: str, ours: float, nginx: float, other: float) -> list[str]:
    ratio = nginx / ours
    return [
        *(name, speed(ours), speed(nginx), f"{ratio:.2f} x", f"at least {PROMISED:.2f} x"),
        "holds" if ratio >= PROMISED else "FAILS",
        speed(other),
    ]


def table_of(best: dict[str, Run], grown: int) -> list[list[str]]:
    nginx, one, many = best["nginx"], best["Clipset"], best["Clipset, pieces"]
    return [
        ["", "Clipset", "nginx", "ratio", "promised", "", "@tus/server"],
        row("on the disk, one PATCH", one.stored, nginx.stored, best["@tus/server"].stored),
        row(
            f"on the disk, pieces of {PIECE // MIB} MiB",
            *(many.stored, nginx.stored, best["@tus/server, pieces"].stored),
        ),
        [
            "answered (only Clipset's is on the disk)",
            *(speed(one.answered), speed(nginx.answered)),
            *(f"{nginx.answered / one.answered:.2f} x", "", ""),
            speed(best["@tus/server"].answered),
        ],
        [
            "a worker grew by",
            *(f"{grown / MIB:.1f} MiB", "", "", f"less than {MAY_GROW // MIB} MiB"),
            "holds" if grown < MAY_GROW else "FAILS",
            "",
        ],
    ]


def main() -> int:
    """Prints the table. Returns 1 when a promise does not hold."""
    folder = Path(tempfile.mkdtemp(prefix="clipset-bench-"))
    try:
        user = start_django(folder)
        video_file = video_in(folder)
        with ExitStack() as running:
            ours = Clipset(user, video_file, running)
            nginx = Nginx(folder, video_file, running)
            other = TusServer(folder, video_file, running)
            ours.send(PIECE)  # to warm up
            nginx.send()
            other.send(PIECE)
            with ours.growth() as grown:
                best = best_of_each(
                    {
                        "Clipset": lambda: ours.send(SIZE),
                        "nginx": nginx.send,
                        "@tus/server": lambda: other.send(SIZE),
                        "Clipset, pieces": lambda: ours.send(PIECE),
                        "@tus/server, pieces": lambda: other.send(PIECE),
                    }
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = table_of(best, grown[0])
    widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
    print(f"{SIZE / 1e6:.0f} MB over loopback, best of {ROUNDS}")
    for line in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    return int(any("FAILS" in line for line in table))
