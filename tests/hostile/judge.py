"""Checks the result of a hostile file: its cost, whether it plays, what it shows."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from tests import clips
from tests.hostile.bait import MAGENTA, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass
class Usage:
    """Peak memory of the largest process, seconds, and the number of processes."""

    resident_bytes: int = 0
    seconds: float = 0.0
    started: int = 0


@contextmanager
def measured() -> Iterator[Usage]:
    """Measures the child processes of a block; RUSAGE_CHILDREN would include all earlier ones."""
    usage = Usage()

    def wait(pid: int, options: int) -> tuple[int, int]:
        ended, status, used = os.wait4(pid, options)
        if ended:
            usage.started += 1
            usage.resident_bytes = max(usage.resident_bytes, used.ru_maxrss * 1024)
        return ended, status

    start = time.monotonic()
    # subprocess waits with os.waitpid.
    with mock.patch("os.waitpid", wait):
        yield usage
    usage.seconds = time.monotonic() - start


def assert_plays(video: Path) -> None:
    """Checks that all of it can be decoded, that it has frames, and none shows the secret video."""
    done = decoded(video)
    if done.returncode and b"'pixel_aspect' out of range" in done.stderr:
        # FFmpeg's filters refuse a pixel of negative width in the container; browsers use the
        # value of the stream and play it. So that value is put into the container.
        shaped = clips.new_path("mp4")
        subprocess.run(
            [
                "ffmpeg",
                "-nostdin",
                "-v",
                "error",
                "-i",
                f"file:{video}",
                "-c",
                "copy",
                "-aspect",
                "16:9",
                shaped,
            ],
            check=True,
            timeout=60,
        )
        done = decoded(shaped)
    assert done.returncode == 0, done.stderr
    assert done.stdout, "there is no picture in it"
    assert_not_the_secret_video(done.stdout)


def decoded(video: Path) -> subprocess.CompletedProcess[bytes]:
    """Decodes a video; standard output has the mean colour of each frame, three bytes."""
    pictures = ("-map", "0:v", "-vf", "scale=1:1", "-vsync", "passthrough")
    return subprocess.run(
        [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-i",
            f"file:{video}",
            *pictures,
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "pipe:1",
            "-map",
            "0:a?",
            "-map",
            "0:v",
            "-c:v",
            "copy",
            "-f",
            "null",
            "-",
        ],
        capture_output=True,
        check=False,
        timeout=60,
    )


def assert_not_the_secret_video(pixels: bytes) -> None:
    """Checks mean colours of frames: a byte each of red, green and blue."""
    for start in range(0, len(pixels), 3):
        pairs = zip(pixels[start : start + 3], MAGENTA, strict=True)
        assert max(abs(got - secret) for got, secret in pairs) > 40


def assert_thumbnail_is_innocent(thumbnail: Path) -> None:
    mean = subprocess.run(
        [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-i",
            f"file:{thumbnail}",
            "-vf",
            "scale=1:1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    assert_not_the_secret_video(mean)


def assert_no_secret(texts: Iterable[str] = (), files: Iterable[Path] = ()) -> None:
    assert not any(SECRET in text for text in texts)
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path.name


def assert_is_a_sentence(text: str, *, paths: Iterable[Path]) -> None:
    """Checks that it is a whole sentence without a path, control characters and markup."""
    assert text.strip().endswith((".", "?")), text
    assert text[0].isupper(), text
    assert len(text) < 400
    assert text.isprintable()
    assert "<" not in text
    for path in paths:
        assert str(path) not in text
    assert "/tmp" not in text
    assert "file:" not in text
    assert_no_secret([text])
