"""tus-js-client and tuspy send a video over a line that is cut, to a server that is killed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from accounts.services.quota import quota_state
from tests.builders import make_user
from tests.examples import one_in
from tests.parts import require
from tests.processes import ROOT, process
from tests.videos import live
from tests.videos.conftest import use_folders_of
from tests.videos.cutting import BadLine, Way
from tests.videos.live import HOST, Visitor
from videos.models import Job, Upload, UploadState, Video

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024**2
CUTS = (Way.RESET, Way.SILENCE, Way.CLOSE)


@dataclass(frozen=True)
class Journey:
    """A video of `size` bytes in requests of `piece`, and what happens to it on its way, besides
    the lost answer to its last piece."""

    size: int
    piece: int
    cuts: int
    kills: int
    seconds: int  # at most

    def troubles(self, luck: random.Random) -> list[tuple[int, Way]]:
        ways = [CUTS[n % len(CUTS)] for n in range(self.cuts)] + [Way.KILL] * self.kills
        luck.shuffle(ways)
        # Behind the request that makes the upload: who never heard its address makes another.
        return [(luck.randrange(64 * 1024, self.size), way) for way in ways]


SHORT = Journey(size=6 * MIB + 1, piece=MIB, cuts=3, kills=1, seconds=30)
LONG = Journey(size=1000**3, piece=16 * MIB, cuts=20, kills=5, seconds=600)


class Mortal:
    """A server that is there again after a kill, at the same port."""

    def __init__(self, folder: Path, static: Path) -> None:
        self.folder = folder
        self.static = static
        self.lives = ExitStack()
        self.now = self._start(None)
        self.killed = Event()
        self.deaths = 0

    def _start(self, port: int | None) -> live.Server:
        one = live.server(self.folder / "media", self.static, self.folder / "log", port)
        return self.lives.enter_context(one)

    def kill(self) -> None:
        """From the line's thread; its workers end with it."""
        os.kill(self.now.pid, signal.SIGKILL)
        self.deaths += 1
        self.killed.set()

    def come_back(self) -> None:
        self.killed.clear()
        self.lives.close()
        self.now = self._start(self.now.port)


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


def video_of(size: int, luck: random.Random, path: Path) -> str:
    """The SHA-256 of what now lies at `path`."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while left := size - file.tell():
            piece = luck.randbytes(min(left, MIB))
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def command(client: str) -> list[str | Path]:
    if client == "tuspy":
        return [sys.executable, ROOT / "tests/videos/clients/tuspy.py"]
    return [require("node"), ROOT / "tests/videos/clients/tus_js.mjs"]


@pytest.mark.parametrize("client", one_in(2, ["tus-js-client", "tuspy"]))
@pytest.mark.parametrize(
    "journey", [SHORT, pytest.param(LONG, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_a_video_arrives_whole_and_once_whatever_happens_on_its_way(
    client: str, journey: Journey, static_files: Path, tmp_path: Path, settings: Settings, bob: User
) -> None:
    program, luck = command(client), random.Random(f"{client} {journey.size}")
    video_file = tmp_path / "sea.mp4"
    content = video_of(journey.size, luck, video_file)
    mortal = Mortal(tmp_path, static_files)
    with mortal.lives:
        use_folders_of(mortal.now, settings)
        line = BadLine(mortal.now.port, journey.troubles(luck), mortal.kill)
        with line.open():
            visitor = Visitor(mortal.now, bob)
            asked = {
                "url": f"http://{HOST}:{line.port}/uploads/",
                "path": str(video_file),
                "piece": journey.piece,
                # The site knows itself by this name; the line's own port is nobody's.
                "headers": {**visitor.headers, "X-CSRFToken": visitor.token},
                "tries": 60,
                "delay": 250,
            }
            log = tmp_path / "client.log"
            with process([*program, json.dumps(asked)], log=log, cwd=ROOT) as sender:
                while sender.poll() is None:
                    if mortal.killed.wait(0.05):
                        mortal.come_back()
        assert sender.returncode == 0, log.read_text()
    assert (line.troubles, line.has_lost_answer, mortal.deaths) == ([], True, journey.kills)
    video = Video.objects.get()
    with video.source_file.open("rb") as stored:
        assert hashlib.file_digest(stored, "sha256").hexdigest() == content
    assert Job.objects.get().video == video
    assert Upload.objects.get().state == UploadState.FINISHED
    bob.refresh_from_db()
    assert quota_state(bob).used_bytes == journey.size
