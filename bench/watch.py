"""Benchmark: how soon a video that must be encoded can be watched, and whether it plays to its end.

scripts/run starts a clone of this repository. A member uploads a video of ten minutes (1080p HEVC),
and Chromium opens its page at once and plays it to the end.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.sources import ffmpeg, hevc_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page, Playwright

ROOT = Path(__file__).resolve().parent.parent
MINUTES = int(os.environ.get("BENCH_MINUTES", "10"))
PASSWORD = "a long enough passphrase"  # noqa: S105
MAKE_MEMBER = (
    "from accounts.models import User, Role; "
    f"User.objects.create_user('bench', 'bench@example.org', {PASSWORD!r}, role=Role.ADMIN)"
)
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required")
# Counts the interruptions that a viewer would see once the video has begun, including pauses of the
# page itself while it waits for more.
BEGUN = 0.5  # seconds
WATCH = f"""() => {{
  const video = document.querySelector("video");
  window.stalls = [];
  video.muted = true;
  for (const event of ["waiting", "pause"]) {{
    video.addEventListener(event, () => {{
      if (video.currentTime > {BEGUN} && !video.ended) window.stalls.push(video.currentTime);
    }});
  }}
  video.play().catch(() => {{}});
}}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def site(folder: Path) -> Iterator[tuple[str, Path]]:
    """Context manager that runs a clone. Gives its address and folder."""
    clone, port = folder / "clone", free_port()
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    settings = {"PORT": str(port), "SEED": "none", "WEEKLY_UPLOAD_LIMIT_BYTES": str(10**12)}
    running = subprocess.Popen(
        ["scripts/run"],
        cwd=clone,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        for line in running.stdout:
            if f":{port}" in line:
                break
        yield f"http://127.0.0.1:{port}", clone
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(30)


@contextmanager
def member_page(play: Playwright, address: str, clone: Path) -> Iterator[Page]:
    """Context manager that gives a page of Chromium in which a new member is logged in."""
    shell = [".venv/bin/python", "manage.py", "shell", "--no-imports", "-c", MAKE_MEMBER]
    subprocess.run(shell, cwd=clone, check=True)
    browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=[*CHROMIUM])
    try:
        page = browser.new_page()
        _log_in(page, address)
        yield page
    finally:
        browser.close()


def _log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login/")
    page.fill("input[name=username]", "bench")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{address}/")


def link_after_upload(page: Page, address: str, video: Path) -> Locator:
    """Uploads a video. Returns the link to its page, as soon as the upload page shows it."""
    page.goto(f"{address}/upload/")
    page.locator("#id_file").set_input_files(video)
    page.locator("form.upload__form").get_by_role("button", name="Upload").click()
    link = page.get_by_role("link", name="Watch")
    link.wait_for(timeout=120_000)
    return link


def upload(page: Page, address: str, video: Path) -> float:
    """Uploads a video and opens its page. Returns when the upload page said that the site has all
    of it, by time.monotonic()."""
    link = link_after_upload(page, address, video)
    uploaded_at = time.monotonic()
    link.click()
    page.wait_for_url("**/v/*/", wait_until="commit")
    return uploaded_at


def first_frame(page: Page, since: float) -> float:
    """Seconds since then until the page has played BEGUN seconds of the video."""
    page.wait_for_selector("video", timeout=120_000)
    page.evaluate(WATCH)
    page.wait_for_function(
        f"() => document.querySelector('video').currentTime > {BEGUN}", timeout=120_000, polling=50
    )
    return time.monotonic() - since


def to_the_end(page: Page) -> dict[str, Any]:
    page.wait_for_function(
        "() => document.querySelector('video').ended", timeout=(MINUTES + 5) * 60_000, polling=1000
    )
    result: dict[str, Any] = page.evaluate(
        "() => ({stalls: window.stalls, at: document.querySelector('video').currentTime})"
    )
    return result


def main() -> int:
    """Prints the results. Returns 1 if a promise does not hold."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name, sync_playwright() as play:
        folder = Path(name)
        video = folder / "video.mp4"
        ffmpeg("-stream_loop", str(MINUTES - 1), "-i", hevc_source(folder), "-c", "copy", video)
        with site(folder) as (address, clone), member_page(play, address, clone) as page:
            uploaded_at = upload(page, address, video)
            url = page.url
            seconds = first_frame(page, uploaded_at)
            print(f"first frame {seconds:.1f} s after the end of the upload (at most 15 s)")
            sys.stdout.flush()
            result = to_the_end(page)
            stayed = page.url == url
    print(f"played to {result['at']:.1f} s of {MINUTES * 60} s")
    print(f"interruptions: {len(result['stalls'])} {result['stalls']} (none)")
    print(f"on the page it began on: {'yes' if stayed else 'no'}")
    return int(seconds > 15 or bool(result["stalls"]) or result["at"] < MINUTES * 60 - 1)
