"""A video that is watched while it is encoded, and whose worker is killed."""

from __future__ import annotations

import os
import re
import signal
import threading
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from siteconfig.models import Config
from tests import clips
from tests.builders import make_user
from tests.processes import wait_for
from tests.videos import live
from tests.videos.live import Visitor, descendants, program, starter_of
from tests.videos.stored_videos import sent_video
from tests.videos.test_processing import real_time_ffmpeg
from videos.models import Job, Rendition, Video
from videos.tasks import look_after_jobs
from videos.transcode.file_start import initialisation_segment, opened, read_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]

SECONDS = 10
FINE = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_FOUND}
VERSION = re.compile(r"180p\.mp4\?v=([0-9a-f]{12})")


class Viewer(threading.Thread):
    """Asks all the time for all that a page asks for, and for the bytes of every attempt that any
    playlist has named, for as long as it lives."""

    def __init__(self, site: live.Server, video: Video) -> None:
        super().__init__(daemon=True)
        self.visitor = Visitor(site, video.uploaded_by)
        self.base = f"/v/{video.short_id}/"
        self.statuses: dict[str, set[int]] = {}
        self.bodies: dict[str, list[bytes]] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            for path in ("", "status/", "master.m3u8", "stream.mp4"):
                self._ask(path)
            for version in VERSION.findall(self._ask("180p.m3u8").decode("ascii", "replace")):
                self.bodies.setdefault(version, [])
            for version, bodies in self.bodies.items():
                body = self._ask(f"180p.mp4?v={version}", Range="bytes=0-")
                if body:
                    bodies.append(body)

    def _ask(self, path: str, **headers: str) -> bytes:
        answer = self.visitor.get(self.base + path, **headers)
        self.statuses.setdefault(path, set()).add(answer.status)
        return answer.body if answer.status in {200, 206} else b""


@contextmanager
def watching(site: live.Server, video: Video) -> Iterator[Viewer]:
    viewer = Viewer(site, video)
    viewer.start()
    yield viewer
    viewer.over.set()
    viewer.join()


@pytest.mark.long  # test_enriching.py asks for a version that there is not
def test_a_video_whose_worker_is_killed_while_it_is_watched_never_mixes_two_attempts(
    site: live.Server, static_files: Path, tmp_path: Path
) -> None:
    slow = real_time_ffmpeg(tmp_path / "slow")
    log = tmp_path / "queue.log"
    with live.workers(site.media, static_files, log, FFMPEG_PATH=slow) as cluster:
        video = sent_video(make_user("bob"), clips.hevc_mp4(seconds=SECONDS))
        with watching(site, video) as viewer:
            wait_for(lambda: any(viewer.bodies.values()), name="the first bytes")
            first = Rendition.objects.get()
            with first.path.open("rb") as growing:
                [ffmpeg] = [pid for pid in descendants(cluster) if program(pid) == "ffmpeg"]
                os.kill(starter_of(ffmpeg), signal.SIGKILL)
                wait_for(lambda: not live.is_running(ffmpeg), seconds=5, name="its end")
                # Other bytes of the same pictures, so that a mixture would show.
                Config.objects.update(quality="small")
                Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
                assert look_after_jobs() == 1
                wait_for(lambda: len(viewer.bodies) == 2, name="the next attempt")
                stale = len(viewer.bodies[first.version])
                wait_for(lambda: state_of(video) == "COMPLETED", seconds=40, name="the video")
                wait_for(lambda: any(grown(viewer, first.version)), seconds=5, name="its bytes")
                old = growing.read()
    assert viewer.bodies.keys() == {first.version, last_version(video)}
    new = Rendition.objects.get(video=video).path
    check_bodies(viewer, {first.version: [old], last_version(video): states_of(new)})
    assert len(viewer.bodies[first.version]) <= stale + 1, "gone with its attempt"
    for path, statuses in viewer.statuses.items():
        assert statuses <= FINE, path
    assert viewer.statuses[""] == viewer.statuses["status/"] == {HTTPStatus.OK}


def state_of(video: Video) -> str:
    return Video.objects.values_list("processing_status", flat=True).get(pk=video.pk)


def last_version(video: Video) -> str:
    return Rendition.objects.values_list("version", flat=True).get(video=video)


def grown(viewer: Viewer, first: str) -> list[bytes]:
    return [body for key, bodies in viewer.bodies.items() if key != first for body in bodies]


def states_of(path: Path) -> list[bytes]:
    """A finished file, and the same before the start of it was overwritten (decision 17)."""
    file = path.read_bytes()
    with opened(path) as reader:
        start = read_start(reader)
    assert start is not None
    return [file, initialisation_segment(path) + file[start.end :]]


def check_bodies(viewer: Viewer, files: dict[str, list[bytes]]) -> None:
    """What came under the address of an attempt is the beginning of its file and of no other.

    Args:
        files: for each version the contents that its file had.
    """
    for version, states in files.items():
        [others] = [one for key, one in files.items() if key != version]
        longest = max(viewer.bodies[version], key=len)
        assert not any(file.startswith(longest) for file in others)
        for body in viewer.bodies[version]:
            assert any(file.startswith(body) for file in states)
