"""Tests that the bait works: an ffprobe without our whitelists follows it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.hostile.corpus import KINDS
from tests.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.bait import Bait
    from tests.hostile.conftest import Listener

pytestmark = pytest.mark.ffmpeg
CONCAT = ("-f", "concat", "-safe", "0")
HLS = ("-f", "hls", "-allowed_extensions", "ALL")


def careless(source: Path, *options: str) -> str:
    return subprocess.run(
        ["ffprobe", "-v", "error", *options, "-show_streams", source],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    ).stdout


@pytest.mark.parametrize(
    ("name", "options"),
    [("ffconcat-of-a-local-video.mp4", CONCAT), ("playlist-of-a-bare-path.mov", HLS)],
)
def test_a_local_video_would_be_read(
    name: str, options: tuple[str, ...], bait: Bait, tmp_path: Path
) -> None:
    assert "codec_name=h264" in careless(KINDS[name].write(tmp_path, bait), *options)


def test_a_local_text_would_be_shown(bait: Bait, tmp_path: Path) -> None:
    source = KINDS["ansi-art.mp4"].write(tmp_path, bait)
    assert "codec_name=ansi" in careless(source, "-f", "tty")


def test_the_server_would_be_asked(bait: Bait, listener: Listener, tmp_path: Path) -> None:
    before = listener.connections
    opened = ("-protocol_whitelist", "file,http,tcp")
    careless(KINDS["playlist-of-a-server.mkv"].write(tmp_path, bait), *opened, *HLS)
    # The listener counts in another thread.
    wait_for(lambda: listener.connections > before, seconds=5, name="the request")
