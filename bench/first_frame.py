"""Benchmark: how soon the first frame is shown after the end of an upload.

scripts/run starts a clone of this repository, and Chromium uploads videos of 60 s in 1080p. The
time runs from the moment at which the upload page says that the site has the whole file, and ends
when the page of the video has painted a frame. A bare copy by FFmpeg is the reference.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.sources import ffmpeg, h264_source, hevc_source
from bench.table import print_table, verdict
from bench.watch import member_page, site, upload

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 3
MAX_ENCODED_SECONDS = 3.5
MAX_ABOVE_COPY_SECONDS = 0.6
PAINTED = """() => {
  const video = document.querySelector("video");
  if (!video || window.isPainted) return window.isPainted;
  video.muted = true;
  video.requestVideoFrameCallback(() => { window.isPainted = true; });
  video.play().catch(() => {});
}"""


def first_frame_seconds(page: Page, address: str, video: Path) -> float:
    """Uploads a video and opens its page. Returns the seconds until a frame is painted there."""
    from playwright.sync_api import Error

    since = upload(page, address, video)
    # The page may reload itself meanwhile, which is no failure.
    for _ in range(3000):
        try:
            if page.evaluate(PAINTED):
                break
        except Error as error:
            if "navigat" not in str(error) and "destroyed" not in str(error):
                raise
        time.sleep(0.02)
    else:
        raise SystemExit("No frame was painted within a minute.")
    return time.monotonic() - since


def copy_seconds(source: Path, folder: Path) -> float:
    since = time.monotonic()
    ffmpeg("-i", source, "-c", "copy", "-map_metadata", "-1", folder / "bare.mp4")
    return time.monotonic() - since


def different(source: Path, folder: Path, number: int) -> Path:
    """Returns the same video with other bytes, since a second upload of a file is a duplicate."""
    path = folder / f"{source.stem}-{number}.mp4"
    ffmpeg("-i", source, "-c", "copy", "-metadata", f"comment={number}", path)
    return path


def main() -> int:
    """Prints the table. Returns 1 if a promise does not hold."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name, sync_playwright() as play:
        folder = Path(name)
        sources = {"encoded": hevc_source(folder), "copied": h264_source(folder)}
        with site(folder) as (address, clone), member_page(play, address, clone) as page:
            times: dict[str, list[float]] = {}
            for kind, source in sources.items():
                for number in range(ROUNDS):
                    video = different(source, folder, number)
                    times.setdefault(kind, []).append(first_frame_seconds(page, address, video))
                    wait_for_idle_workers(clone)
            bare = min(copy_seconds(sources["copied"], folder) for _ in range(ROUNDS))
    encoded, copied = (statistics.median(times[kind]) for kind in ("encoded", "copied"))
    limit = bare + MAX_ABOVE_COPY_SECONDS
    return print_table(
        [
            ["first frame after the upload", "median", "all", "promised", ""],
            _row("HEVC, encoded", encoded, times["encoded"], MAX_ENCODED_SECONDS),
            _row(f"H.264, copied (bare {bare:.2f} s)", copied, times["copied"], limit),
        ]
    )


def _row(name: str, median: float, each: list[float], limit: float) -> list[str]:
    listed = " ".join(f"{seconds:.2f}" for seconds in each)
    return [name, f"{median:.2f} s", listed, f"at most {limit:.2f} s", verdict(median <= limit)]


UNFINISHED = "from videos.models import Job; print(Job.objects.filter(finished_at=None).count())"


def wait_for_idle_workers(clone: Path) -> None:
    """Waits until the jobs of the last video are done, which would slow down the next one."""
    command = [".venv/bin/python", "manage.py", "shell", "--no-imports", "-c", UNFINISHED]
    for _ in range(600):
        done = subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True)
        if done.stdout.strip() == "0":
            return
        time.sleep(1)
    raise SystemExit("The jobs of a video did not end within ten minutes.")
