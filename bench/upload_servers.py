"""The three servers that the upload benchmark compares, and the client that uploads to them."""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.watch import ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

HOST = "127.0.0.1"
SIZE = int(os.environ.get("BENCH_UPLOAD_BYTES", str(1000**3)))
TUS = {"Tus-Resumable": "1.0.0"}
HERE = Path(__file__).parent
STATUSES = {"POST": 201, "PATCH": 204, "PUT": 201}


@dataclass(frozen=True)
class Run:
    """Seconds from the first request to the last answer, and to the file being on the disk."""

    answered: float
    stored: float


# -- the client -----------------------------------------------------------------------------------


class Client:
    """One connection, which sends the video with sendfile(2)."""

    def __init__(self, port: int, video_file: Path, headers: dict[str, str]) -> None:
        self.video_file = video_file.open("rb")
        self.socket = socket.create_connection((HOST, port), timeout=120)
        self.headers = {"Host": f"{HOST}:{port}", **headers}

    def close(self) -> None:
        self.socket.close()
        self.video_file.close()

    def send(
        self, method: str, path: str, offset: int, count: int, **headers: str
    ) -> http.client.HTTPMessage:
        """Sends one request with `count` bytes of the video, and returns the answer's headers.

        Args:
            headers: names with underscores for hyphens.

        Raises: SystemExit for any other status than the expected one.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = {**self.headers, **named, "Content-Length": str(count)}
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in all_headers.items()),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        if count:
            self.socket.sendfile(self.video_file, offset, count)
        with closing(http.client.HTTPResponse(self.socket, method=method)) as answer:
            answer.begin()
            text = answer.read()
            if answer.status != STATUSES[method]:
                raise SystemExit(f"{method} {path}: {answer.status} {text!r}")
            return answer.msg

    def send_by_tus(self, path: str, piece: int) -> str:
        """Uploads the video in PATCH requests of `piece` bytes. Returns the path of the upload."""
        name = base64.b64encode(b"video.mp4").decode()
        created = self.send(
            "POST", path, 0, 0, Upload_Length=str(SIZE), Upload_Metadata=f"filename {name}"
        )
        url: str = created["Location"].removeprefix(f"http://{self.headers['Host']}")
        for offset in range(0, SIZE, piece):
            count = min(piece, SIZE - offset)
            kind = "application/offset+octet-stream"
            self.send("PATCH", url, offset, count, Upload_Offset=str(offset), Content_Type=kind)
        return url


def synced(began: float, path: Path) -> Run:
    """Syncs and removes the file of a server that answers before it is on the disk."""
    answered = time.monotonic() - began
    if path.stat().st_size != SIZE:
        raise SystemExit(f"{path} is incomplete.")
    with path.open("rb") as file:
        os.fsync(file.fileno())
    run = Run(answered, time.monotonic() - began)
    path.unlink()
    return run


# -- the servers ----------------------------------------------------------------------------------


@contextmanager
def served(command: list[str | Path], port: int, **environment: str) -> Iterator[int]:
    """Context manager that runs a server. Gives its process id once its port is open."""
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if server.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {server.returncode}.")
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.1)
        yield server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


class Clipset:
    """Clipset, served by gunicorn with the deployed configuration, with one logged-in member."""

    def __init__(self, user: User, video_file: Path, running: ExitStack) -> None:
        from django.test import Client as Browser

        browser = Browser()
        browser.force_login(user)
        token = "b" * 32
        cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={token}"
        self.video_file = video_file
        self.port = free_port()
        self.headers = {**TUS, "Cookie": cookies, "X-CSRFToken": token}
        address = {"HOST": HOST, "PORT": str(self.port), "SITE_URL": f"http://{HOST}:{self.port}"}
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
        self.pid = running.enter_context(served([*gunicorn], self.port, **address, DEBUG="off"))

    def send(self, piece: int) -> Run:
        """Uploads the video in pieces and deletes it."""
        from videos.models import Job, Upload, Video

        with closing(Client(self.port, self.video_file, self.headers)) as client:
            began = time.monotonic()
            client.send_by_tus("/uploads/", piece)
            seconds = time.monotonic() - began
        video = Video.objects.get()
        if video.source_file.stat().st_size != SIZE:
            raise SystemExit("The stored video is incomplete.")
        shutil.rmtree(video.source_file.parent)
        for model in (Job, Upload, Video):
            model.objects.all().delete()
        return Run(seconds, seconds)

    @contextmanager
    def growth(self) -> Iterator[list[int]]:
        """Gives a list. At the end it holds the most bytes by which the memory of a worker grew."""
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
    """Debian's nginx with one worker and, apart from folders, its default configuration."""

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
            raise SystemExit("nginx is missing. Run as root: apt-get install nginx")
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
        """Uploads the video in one PUT."""
        with closing(Client(self.port, self.video_file, {})) as client:
            began = time.monotonic()
            client.send("PUT", "/video.mp4", 0, SIZE)
            return synced(began, self.folder / "files/video.mp4")


class TusServer:
    """@tus/server with its file store, run by the installed Node."""

    def __init__(self, folder: Path, video_file: Path, running: ExitStack) -> None:
        self.video_file = video_file
        self.folder = folder / "tus-server"
        self.folder.mkdir()
        self.port = free_port()
        command: list[str | Path] = ["node", HERE / "tus_server.mjs", str(self.port), self.folder]
        running.enter_context(served(command, self.port))

    def send(self, piece: int) -> Run:
        """Uploads the video in pieces."""
        with closing(Client(self.port, self.video_file, TUS)) as client:
            began = time.monotonic()
            url = client.send_by_tus("/files", piece)
            run = synced(began, self.folder / url.rsplit("/", 1)[1])
        for file in self.folder.iterdir():
            file.unlink()
        return run


def children(pid: int) -> list[int]:
    """Process ids of the child processes (proc(5), /proc/PID/task/TID/children)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_bytes(pid: int) -> int:
    """A process's own memory, without what workers share with their master (proc(5), RssAnon)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
