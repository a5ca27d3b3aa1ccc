"""Benchmark: how soon the first frame is there after the end of an upload.

scripts/run starts a clone of this repository, and Chromium uploads videos of 60 s in 1080p. The
time runs from the moment at which the upload page says that the site has the whole file. A bare
copy by FFmpeg is the reference. It is measured in two ways:

- sent: a client asks for the playlists as a player does, and has the first fragment of H.264, in
  which frames decode. The machine does nothing else, as if the viewer sat elsewhere.
- painted: Chromium opens the page of the video and has painted a frame. Meanwhile it takes more
  processor time than the site, on the same cores, so nothing is promised.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from bench.sources import ffmpeg, h264_source, hevc_source
from bench.table import print_table, verdict
from bench.watch import link_after_upload, member_page, site, upload

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 3
MAX_ENCODED_SECONDS = 3.5
MAX_ABOVE_COPY_SECONDS = 0.6
# In a media playlist: the first fragment, in a range of a file, and what decoders need before it.
FIRST_FRAGMENT = re.compile(
    r"#EXT-X-MAP:URI=\"(?P<start>[^\"]+)\"(?:.*\n)*?"
    r"#EXT-X-BYTERANGE:(?P<size>\d+)@(?P<offset>\d+)\n(?:#.*\n)*(?P<file>[^#\n]+)"
)
PAINTED = """() => {
  const video = document.querySelector("video");
  if (!video || window.isPainted) return window.isPainted;
  video.muted = true;
  video.requestVideoFrameCallback(() => { window.isPainted = true; });
  video.play().catch(() => {});
}"""


def painted_seconds(page: Page, address: str, video: Path) -> float:
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


def sent_seconds(page: Page, address: str, video: Path) -> float:
    """Uploads a video. Returns the seconds until a client has its first frames in H.264."""
    href = link_after_upload(page, address, video).get_attribute("href")
    since = time.monotonic()
    get = page.context.request.get
    for _ in range(1200):
        master = get(f"{address}{href}master.m3u8")
        if master.ok and (entry := re.search(r",CODECS=\"avc1.*\n(.+)", master.text())):
            url = urljoin(master.url, entry[1])
            if found := FIRST_FRAGMENT.search(get(url).text()):
                size, offset = int(found["size"]), int(found["offset"])
                part = {"Range": f"bytes={offset}-{offset + size - 1}"}
                start = get(urljoin(url, found["start"])).body()
                fragment = get(urljoin(url, found["file"]), headers=part).body()
                seconds = time.monotonic() - since
                check_decodes(start + fragment)
                return seconds
        time.sleep(0.05)
    raise SystemExit("No fragment could be fetched within a minute.")


def check_decodes(video: bytes) -> None:
    """Raises CalledProcessError unless frames decode."""
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", "-", "-frames:v", "1", "-f", "null", "-"]
    subprocess.run(command, input=video, check=True)


def copy_seconds(source: Path, folder: Path) -> float:
    since = time.monotonic()
    ffmpeg("-i", source, "-c", "copy", "-map_metadata", "-1", folder / "bare.mp4")
    return time.monotonic() - since


def different(source: Path, folder: Path, name: str) -> Path:
    """Returns the same video with other bytes, since a second upload of a file is a duplicate."""
    path = folder / f"{source.stem}-{name}.mp4"
    ffmpeg("-i", source, "-c", "copy", "-metadata", f"comment={name}", path)
    return path


MEASURES: dict[str, Callable[[Page, str, Path], float]] = {
    "sent": sent_seconds,
    "painted": painted_seconds,
}


def main() -> int:
    """Prints the table. Returns 1 if a promise does not hold."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name, sync_playwright() as play:
        folder = Path(name)
        sources = {"encoded": hevc_source(folder), "copied": h264_source(folder)}
        with site(folder) as (address, clone), member_page(play, address, clone) as page:
            times: dict[tuple[str, str], list[float]] = {}
            for number in range(ROUNDS):
                for kind, source in sources.items():
                    for way, measure in MEASURES.items():
                        video = different(source, folder, f"{way}-{number}")
                        seconds = measure(page, address, video)
                        times.setdefault((kind, way), []).append(seconds)
                        delete_videos(clone)
            bare = min(copy_seconds(sources["copied"], folder) for _ in range(ROUNDS))
    encoded, copied = MAX_ENCODED_SECONDS, bare + MAX_ABOVE_COPY_SECONDS
    return print_table(
        [
            ["first frame after the upload", "median", "all", "promised", ""],
            _row("HEVC, encoded: sent", times["encoded", "sent"], encoded),
            _row("HEVC, encoded: painted", times["encoded", "painted"]),
            _row(f"H.264, copied (bare {bare:.2f} s): sent", times["copied", "sent"], copied),
            _row("H.264, copied: painted", times["copied", "painted"]),
        ]
    )


def _row(name: str, each: list[float], limit: float | None = None) -> list[str]:
    median, listed = statistics.median(each), " ".join(f"{seconds:.2f}" for seconds in each)
    promise = ("", "") if limit is None else (f"at most {limit:.2f} s", verdict(median <= limit))
    return [name, f"{median:.2f} s", listed, *promise]


DELETE_ALL = "from videos.models import Video; Video.objects.all().delete()"


def delete_videos(clone: Path) -> None:
    """Deletes all videos and waits until no worker has a work folder: making the smaller renditions
    of one video takes a minute, and would delay the next one."""
    command = [".venv/bin/python", "manage.py", "shell", "--no-imports", "-c", DELETE_ALL]
    subprocess.run(command, cwd=clone, check=True)
    for _ in range(120):
        temp = (clone / "media" / "temp").iterdir()
        if not any(path.name.startswith(("job-", "original-")) for path in temp):
            return
        time.sleep(1)
    raise SystemExit("The jobs of a deleted video did not end within two minutes.")
