"""Benchmark: Lighthouse's scores for the pages that members see most, home and a video's page.

It measures a separate Clipset with sample data, served by gunicorn as deployed, with a logged-in
member. The median of several runs counts, on Lighthouse's phone (slow network, slow processor). The
scores on a desktop are shown too, and then the audits that cost points.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from tests.parts import PARTS
from tests.processes import ROOT, Site, free_port, process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

CATEGORIES: Final = ("performance", "accessibility", "best-practices")
AT_LEAST: Final = 95  # of 100 in each category, on the phone
ROUNDS: Final = {"mobile": 5, "desktop": 1}
METRICS: Final = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time")
LIGHTHOUSE: Final = ROOT / "bench/node_modules/lighthouse/cli/index.js"
CHROMIUM: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TRIES: Final = 3  # of each run: on a busy machine, a trace may miss its beginning
FOLDERS: Final = ("VIDEO_STORAGE_PATH", "THUMBNAIL_STORAGE_PATH", "TEMP_STORAGE_PATH")
# The viewer is alice, who has videos; the measured video is another member's.
LOOK: Final = """
from django.test import Client
from accounts.models import User
from videos.models import Video
alice = User.objects.get(username="alice")
client = Client()
client.force_login(alice)
video = Video.objects.published().exclude(uploaded_by=alice).exclude(description=None).first()
print(client.cookies["sessionid"].value, video.get_absolute_url())
"""


def main() -> int:
    """Prints the scores. Returns 1 if one is too low."""
    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name, ExitStack() as running:
        folder, port = Path(name), free_port()
        site = Site(
            folder,
            SECRET_KEY="only for this measurement, and for no longer than it takes",  # noqa: S106
            DEBUG="off",
            PORT=str(port),
            **{setting: str(folder / setting.split("_")[0].lower()) for setting in FOLDERS},
        )
        site.manage("migrate", "--verbosity", "0")
        site.manage("collectstatic", "--noinput", "--verbosity", "0")
        site.manage("seed_clipset", "--verbosity", "0")
        session, video = site.shell(LOOK).split()
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
        log = folder / "log"
        running.enter_context(process(gunicorn, log=log, cwd=ROOT, env=site.environment))
        wait_for(lambda: "Booting worker" in log.read_text(), name="Clipset")
        url = f"http://127.0.0.1:{port}"
        reader = Reader(url, running.enter_context(browser(folder / "profile", url, session)))
        pages = (("home", "/"), ("video", video))
        worst = min([show_scores(name, reader, path) for name, path in pages])
    print(f"\nat least {AT_LEAST} of 100 each on the phone")
    return int(worst < AT_LEAST)


@contextmanager
def browser(profile: Path, url: str, session: str) -> Iterator[int]:
    """Runs Chromium with the member's session. Gives the port through which Lighthouse controls it.

    Lighthouse could send the cookie itself, but no longer once a page has set another one.
    """
    chromium = next(filter(None, map(shutil.which, PARTS["chromium"][0])), None)
    if chromium is None:
        raise SystemExit("Chromium is missing. Run as root: apt-get install chromium")
    port = free_port()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            args=[*CHROMIUM, f"--remote-debugging-port={port}"],
        )
        started.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        yield port
        started.close()


class Reader:
    """Runs Lighthouse in the browser."""

    def __init__(self, url: str, port: int) -> None:
        self.url = url
        self.port = port

    def read(self, path: str, form: str) -> dict[str, Any]:
        """One report in Lighthouse's format (its docs/understanding-results.md)."""
        command: list[str | Path] = [
            *("node", LIGHTHOUSE, self.url + path, "--quiet", "--output=json"),
            *(f"--port={self.port}", f"--only-categories={','.join(CATEGORIES)}"),
            *(["--preset=desktop"] if form == "desktop" else []),
        ]
        for _ in range(TRIES):
            ran = subprocess.run(command, stdout=subprocess.PIPE, timeout=180, check=False)
            if ran.returncode == 0:
                break
        else:
            raise SystemExit(f"Lighthouse could not read {path}.")
        report: dict[str, Any] = json.loads(ran.stdout)
        if report["finalDisplayedUrl"] != self.url + path:
            raise SystemExit(f"{path} led to {report['finalDisplayedUrl']}.")
        return report


def show_scores(page: str, reader: Reader, path: str) -> int:
    """Prints a page's median scores and costly audits. Returns the lowest score on the phone."""
    least = 100
    for form, rounds in ROUNDS.items():
        reports = [reader.read(path, form) for _ in range(rounds)]
        points = {it: round(100 * _median(reports, "categories", it, "score")) for it in CATEGORIES}
        times = [f"{it} {_median(reports, 'audits', it, 'numericValue'):.0f} ms" for it in METRICS]
        scores = ", ".join(f"{name} {value}" for name, value in points.items())
        print(f"{page}, {form}: {scores}\n    {', '.join(times)}", flush=True)
        if form == "mobile":
            least = min(points.values())
            for line in _costly(reports[0]):
                print(f"    {line}")
    return least


def _median(reports: list[dict[str, Any]], part: str, name: str, value: str) -> float:
    return statistics.median(float(report[part][name][value]) for report in reports)


def _costly(report: dict[str, Any]) -> list[str]:
    """The audits that cost points, and those that name possible gains in performance."""
    audits = report["audits"]
    lines = []
    for category in CATEGORIES:
        for known in report["categories"][category]["auditRefs"]:
            audit = audits[known["id"]]
            counts = known["weight"] or known.get("group") in {"insights", "diagnostics"}
            if counts and audit["score"] is not None and audit["score"] < 0.9:
                value = audit.get("displayValue", "")
                lines.append(f"{category}, {audit['id']}: {audit['score']:.2f} {value}".rstrip())
    return lines


if __name__ == "__main__":
    sys.exit(main())
