"""Kill anything, at any moment: no film is lost, stuck, or made by two at once."""

from __future__ import annotations

import http.cookiejar
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.processes import wait_for
from tests.scripts.site import BACK_WITHIN, MAIN, cast, healthy, running, started

if TYPE_CHECKING:
    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.ffmpeg, pytest.mark.long]

KILLS = 20
SETTLED_WITHIN = 180  # seconds after the last kill, as promised
PASSWORD = "a long enough passphrase"

MAKE_BOB = f"""
from accounts.models import User
User.objects.create_user("bob", "bob@example.org", {PASSWORD!r})
"""


class Browser:
    """bob at the site, with a cookie jar. What fails on the way is an OSError."""

    def __init__(self, clone: Clone) -> None:
        self.address = f"http://127.0.0.1:{clone.port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self.address + path, body, headers)  # noqa: S310 loopback
        try:
            with self.opener.open(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def token(self, path: str) -> str:
        _, page = self.ask(path)
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if found is None:
            raise OSError("no form came")
        return found[1].decode()

    def log_in(self) -> None:
        fields = {
            "csrfmiddlewaretoken": self.token("/login/"),
            "username": "bob",
            "password": PASSWORD,
        }
        self.ask("/login/", urllib.parse.urlencode(fields).encode())

    def upload(self, film: Path) -> str | None:
        """The address of the film once the site has said that it has it; None if it never did."""
        mark = uuid.uuid4().hex
        parts = [("csrfmiddlewaretoken", "", self.token("/upload/").encode())]
        parts.append(("file", f'; filename="{film.name}"', film.read_bytes()))
        body = b"".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, more, content in parts
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        body += f"--{mark}--\r\n".encode()
        status, answer = self.ask("/upload/", body, Accept="application/json", **kind)
        return json.loads(answer)["url"] if status == 201 else None


def keep_uploading(clone: Clone, films: list[Path], told: list[str], enough: int) -> None:
    """Until so many were taken; what breaks is tried again, as a person would."""
    bob = Browser(clone)
    deadline = time.monotonic() + 120
    while len(told) < enough and time.monotonic() < deadline:
        try:
            if b"/login/" in bob.ask("/upload/")[1] or not told:
                bob.log_in()
            url = bob.upload(films[len(told) % len(films)])
        except (OSError, ValueError):
            time.sleep(0.3)
            continue
        if url:
            told.append(url)
        time.sleep(0.5)


def victims(clone: Clone) -> list[int]:
    """All of the site's processes and every FFmpeg, but for scripts/run itself."""
    parts = cast(clone)
    return [process for process in clone.processes() if process not in parts[MAIN]]


def kill_something(clone: Clone, dice: random.Random) -> None:
    alive = victims(clone)
    chosen = alive if dice.random() < 0.15 else [dice.choice(alive)] if alive else []
    for process in chosen:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def rows(clone: Clone, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(clone.root / "data/clipset.db", timeout=20) as database:
        found = database.execute(query).fetchall()
    database.close()
    return found


def all_ended(clone: Clone) -> bool:
    return not rows(
        clone, "SELECT 1 FROM videos WHERE processing_status IN ('PENDING', 'PROCESSING')"
    )


def test_whatever_is_killed_every_film_that_was_taken_ends_well(installed: Clone) -> None:
    dice = random.Random(20261124)
    films = [
        clips.h264_mp4(),
        clips.hevc_mp4(seconds=20),
        clips.phone_hevc_mov(),
        clips.text_as_mp4(),
    ]
    told: list[str] = []
    with running(installed, SEED="none") as process:
        started(process)
        said: list[str] = []
        listener = threading.Thread(target=said.extend, args=(process.stdout or [],), daemon=True)
        listener.start()
        python = installed.root / ".venv/bin/python"
        make_bob: list[str | Path] = [python, "manage.py", "shell", "--no-imports", "-c", MAKE_BOB]
        subprocess.run(make_bob, cwd=installed.root, env=installed.environment, check=True)
        sender = threading.Thread(target=keep_uploading, args=(installed, films, told, 12))
        sender.start()
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.2, 3))
            kill_something(installed, dice)
        sender.join()
        assert process.poll() is None, "".join(said)
        wait_for(lambda: healthy(installed), seconds=BACK_WITHIN, name="the site")
        wait_for(lambda: all_ended(installed), seconds=SETTLED_WITHIN, name="the end of all films")
        check_what_is_left(installed, told)


def check_what_is_left(clone: Clone, told: list[str]) -> None:
    assert len(told) == 12
    videos = rows(clone, "SELECT short_id, processing_status, error_message, filename FROM videos")
    assert {url.split("/")[2] for url in told} <= {str(video[0]) for video in videos}
    for short_id, status, error, filename in videos:
        if status == "COMPLETED":
            film = clone.root / "media/videos" / str(filename)
            decode: list[str | Path] = ["ffmpeg", "-v", "error", "-i", film, "-f", "null", "-"]
            subprocess.run(decode, check=True)
        else:
            assert error, f"{short_id} says no reason"
    # Whatever is no text file did play in the end, or was given up for being killed five times.
    assert rows(clone, "SELECT COUNT(*) FROM videos WHERE processing_status = 'COMPLETED'")[0] != (
        0,
    )
    assert rows(clone, "SELECT COUNT(*) FROM jobs WHERE state IN ('WAITING', 'RUNNING')") == [(0,)]
    assert not [command for _, command in clone.processes().values() if "ffmpeg" in command]
    stored = {path.name for path in (clone.root / "media/videos").iterdir()}
    assert stored == {str(video[3]) for video in videos if video[1] == "COMPLETED"}
    charged = rows(clone, "SELECT COALESCE(SUM(quota_bytes), 0) FROM videos")
    open_uploads = rows(clone, "SELECT COALESCE(SUM(quota_bytes), 0) FROM uploads")
    used = rows(clone, "SELECT weekly_upload_bytes FROM users WHERE username = 'bob'")
    assert used[0][0] == int(str(charged[0][0])) + int(str(open_uploads[0][0]))
