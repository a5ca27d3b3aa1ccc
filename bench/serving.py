"""Benchmark: speed of sending videos. Eight parallel readers request ranges of the same file from
Clipset and nginx, in turns, in the same run."""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.processes import ROOT, Site, free_port, process, wait_for

READERS = 8
MB = 1000**2
SIZE = 1024 * MB
# Bytes of a range: a piece as players request it, a longer one, each reader's share of the file.
# Clipset checks the session and the rights before each range, which nginx does not. This matters
# more for shorter ranges, so the promise is about the share of the file.
PARTS = (8 * MB, 64 * MB, SIZE // READERS)
SECONDS = 4  # of one round
ROUNDS = 5
AT_LEAST = 0.95

# Each reader logs in as a different member, because of the site's limits per member.
MAKE = """
from django.test import Client
from accounts.models import User
from videos.models import Video
bob = User.objects.create_user("bob", "bob@example.org")
video = Video.objects.create(
    title="Video", uploaded_by=bob, processing_status="COMPLETED", filename="video.mp4",
    storage_root="videos", original_filename="video.mp4", file_size_bytes=1, duration_seconds=1)
sessions = []
for number in range({readers}):
    client = Client()
    client.force_login(User.objects.create_user(f"reader{{number}}", f"r{{number}}@example.org"))
    sessions.append(client.cookies["sessionid"].value)
print(video.short_id, *sessions)
"""
NGINX = """
{user}
daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 2;
events {{ worker_connections 100; }}
http {{
    access_log off; sendfile on; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ root {folder}/videos; }} }}
}}
"""


def throughput(port: int, path: str, sessions: list[str], part: int) -> float:
    """Bytes per second that all readers receive together. Each requests one range after another."""
    counts = [0] * len(sessions)
    until = time.monotonic() + SECONDS

    def read(number: int) -> None:
        buffer = memoryview(bytearray(1024**2))
        headers = {"Cookie": f"sessionid={sessions[number]}"}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as line:
            start = number * part
            while time.monotonic() < until:
                start = start % (SIZE - part)
                wanted = {"Range": f"bytes={start}-{start + part - 1}"}
                line.request("GET", path, headers=headers | wanted)
                answer = line.getresponse()
                if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                    raise RuntimeError(f"{answer.status} from {path}")
                while got := answer.readinto(buffer):
                    counts[number] += got
                start += part

    threads = [threading.Thread(target=read, args=[number]) for number in range(len(sessions))]
    since = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all(counts):
        raise RuntimeError("A reader got nothing.")
    return sum(counts) / (time.monotonic() - since)


def main() -> int:
    """Prints the results. Returns 1 if the promise does not hold."""
    nginx = next((it for it in ("/usr/sbin/nginx", "/usr/bin/nginx") if Path(it).exists()), "")
    if not nginx:
        print("nginx is missing. Run as root: apt-get install nginx-light")
        return 1
    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name, ExitStack() as running:
        folder = Path(name)
        (folder / "videos").mkdir()
        (folder / "videos" / "video.mp4").write_bytes(os.urandom(MB) * (SIZE // MB))
        ports = {"Clipset": free_port(), "nginx": free_port()}
        site = Site(
            folder,
            SECRET_KEY="only for this measurement, and for no longer than it takes",  # noqa: S106
            VIDEO_STORAGE_PATH=str(folder / "videos"),
            PORT=str(ports["Clipset"]),
        )
        site.manage("migrate", "--verbosity", "0")
        short_id, *sessions = site.shell(MAKE.format(readers=READERS)).split()
        (folder / "nginx.conf").write_text(
            NGINX.format(
                folder=folder, port=ports["nginx"], user="user root;" if os.geteuid() == 0 else ""
            )
        )
        log = folder / "log"
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
        running.enter_context(process(gunicorn, log=log, cwd=ROOT, env=site.environment))
        front: list[str | Path] = [nginx, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
        running.enter_context(process(front, log=log))
        paths = {"Clipset": f"/v/{short_id}/stream.mp4", "nginx": "/video.mp4"}
        for which, port in ports.items():
            wait_for(lambda port=port: _is_open(port), name=which)  # type: ignore[misc]
            throughput(port, paths[which], sessions, PARTS[0])  # warm
        ratios = [compared(ports, paths, sessions, part) for part in PARTS]
    print(f"Promised: at least {AT_LEAST} with a share of the whole file each.")
    return int(ratios[-1] < AT_LEAST)


def compared(ports: dict[str, int], paths: dict[str, str], sessions: list[str], part: int) -> float:
    """The median ratio of Clipset's throughput to nginx's in alternating rounds; prints it."""
    ratios = []
    for number in range(ROUNDS):
        order = ["Clipset", "nginx"] if number % 2 else ["nginx", "Clipset"]
        got = {it: throughput(ports[it], paths[it], sessions, part) for it in order}
        ratios.append(got["Clipset"] / got["nginx"])
    ratio = statistics.median(ratios)
    print(
        f"{READERS} readers of {part // MB:3} MB each time: Clipset / nginx {ratio:.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}); at last {got['Clipset'] / MB:.0f}"
        f" and {got['nginx'] / MB:.0f} MB/s",
        flush=True,
    )
    return ratio


def _is_open(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
