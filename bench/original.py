"""Benchmark: how soon the original quality of an encoded video can be watched, and what it takes on
the disk.

scripts/run starts a clone of this repository, and Chromium uploads videos of 60 s in 1080p, HEVC,
150 MB. The time runs from the moment at which the upload page says that the site has the whole
file, and ends when the master playlist lists the original quality. Meanwhile the encode begins.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.first_frame import delete_videos, different
from bench.sources import heavy_hevc_source
from bench.table import print_table, verdict
from bench.watch import link_after_upload, member_page, site

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 3
MAX_SECONDS = 1.0
MAX_DISK_RATIO = 1.02
STORED = """
from videos.models import Rendition
print(sum(Rendition.objects.filter(name="original").values_list("size_bytes", flat=True)))
"""


def published_seconds(page: Page, address: str, video: Path) -> float:
    """Uploads a video. Returns the seconds until its original quality can be watched."""
    link = link_after_upload(page, address, video)
    since = time.monotonic()
    playlist = f"{address}{link.get_attribute('href')}master.m3u8"
    for _ in range(3000):
        answer = page.context.request.get(playlist)
        if answer.ok and "original.m3u8" in answer.text():
            return time.monotonic() - since
        time.sleep(0.02)
    raise SystemExit("The original quality was not published within a minute.")


def measured(folder: Path) -> tuple[list[float], int, int]:
    """Uploads the videos one after another. Returns the seconds of each, the bytes of all uploads,
    and the bytes that their original quality takes."""
    from playwright.sync_api import sync_playwright

    source = heavy_hevc_source(folder)
    videos = [different(source, folder, str(number)) for number in range(ROUNDS)]
    with sync_playwright() as play, site(folder) as (address, clone):
        shell = [".venv/bin/python", "manage.py", "shell", "--no-imports", "-c"]
        times: list[float] = []
        stored = 0
        with member_page(play, address, clone) as page:
            for video in videos:
                times.append(published_seconds(page, address, video))
                stored += int(subprocess.check_output([*shell, STORED], cwd=clone, text=True))
                delete_videos(clone)
    return times, sum(video.stat().st_size for video in videos), stored


def main() -> int:
    """Prints the table. Returns 1 if a promise does not hold."""
    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name:
        times, uploaded, stored = measured(Path(name))
    median, ratio = statistics.median(times), stored / uploaded
    return print_table(
        [
            ["original quality", "measured", "all", "promised", ""],
            [
                f"published after the upload ({uploaded / ROUNDS / 1e6:.0f} MB)",
                f"{median:.2f} s",
                " ".join(f"{seconds:.2f}" for seconds in times),
                f"at most {MAX_SECONDS:.2f} s",
                verdict(median <= MAX_SECONDS),
            ],
            [
                "its bytes on disk for each uploaded byte",
                f"{ratio:.3f}",
                "",
                f"at most {MAX_DISK_RATIO}",
                verdict(ratio <= MAX_DISK_RATIO),
            ],
        ]
    )
