"""What Lighthouse thinks of the pages that members see most: home, and the page of a video.

A Clipset of its own with the samples of scripts/run, served by gunicorn as it is deployed, a member
logged in. Of each page the median of several runs counts, on Lighthouse's phone (a slow line, a
slow processor); what a desktop gets is shown beside it. Then come the audits that cost points.
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
AT_LEAST: Final = 95  # of 100, of each category, on the phone
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
TRIES: Final = 3  # of each run: on a busy machine a trace may miss its beginning
FOLDERS: Final = ("VIDEO_STORAGE_PATH", "THUMBNAIL_STORAGE_PATH", "TEMP_STORAGE_PATH")
# alice has videos of her own; the video is one that others made.
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
    """Prints the points. Returns 1 when there are too few."""
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
        worst = min([shown(name, reader, path) for name, path in (("home", "/"), ("video", video))])
    print(f"\nat least {AT_LEAST} of 100 each on the phone")
    return int(worst < AT_LEAST)


@contextmanager
def browser(profile: Path, url: str, session: str) -> Iterator[int]:
    """Chromium with the member's session; gives the port by which Lighthouse drives it.

    Lighthouse could send the cookie by itself, but not any more once a page has set another.
    """
    chromium = next(filter(None, map(shutil.which, PARTS["browser"][0])), None)
    if chromium is None:
        raise SystemExit("Chromium is missing. As root: apt-get install chromium")
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
    """Runs Lighthouse in that browser."""

    def __init__(self, url: str, port: int) -> None:
        self.url = url
        self.port = port

    def read(self, path: str, form: str) -> dict[str, Any]:
        """One report, as docs/understanding-results.md of Lighthouse has it."""
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


def shown(name: str, reader: Reader, path: str) -> int:
    """Prints the medians of a page, and what cost points; gives the least on the phone."""
    least = 100
    for form, rounds in ROUNDS.items():
        reports = [reader.read(path, form) for _ in range(rounds)]
        points = {it: round(100 * _median(reports, "categories", it, "score")) for it in CATEGORIES}
        times = [f"{it} {_median(reports, 'audits', it, 'numericValue'):.0f} ms" for it in METRICS]
        said = ", ".join(f"{it} {value}" for it, value in points.items())
        print(f"{name}, {form}: {said}\n    {', '.join(times)}", flush=True)
        if form == "mobile":
            least = min(points.values())
            for line in _costly(reports[0]):
                print(f"    {line}")
    return least


def _median(reports: list[dict[str, Any]], part: str, name: str, value: str) -> float:
    return statistics.median(float(report[part][name][value]) for report in reports)


def _costly(report: dict[str, Any]) -> list[str]:
    """The audits that took points, and those that say where performance could be better."""
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
