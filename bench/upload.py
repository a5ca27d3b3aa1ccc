"""Benchmark: upload speed by tus to Clipset, by PUT to nginx, and by tus to @tus/server.

One client uploads the same gigabyte over loopback to each in turn, several times. The best run of
each counts. Clipset runs under gunicorn with the deployed configuration. When it answers, it has
hashed the video and written it to the disk (fdatasync). The other two do neither, so their files
are synced with fsync after the answer, and that time counts. Times without it are printed as well.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.media import ROUNDS, start_django
from bench.table import print_table, verdict
from bench.upload_servers import SIZE, Clipset, Nginx, Run, TusServer

MIB = 1024**2
PIECE = 64 * MIB
PROMISED = 0.8  # least ratio of Clipset's speed to nginx's
MAY_GROW = 32 * MIB


def best_of_each(works: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Runs the works in turns, each with a synced disk. Returns the best times of each."""
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            os.sync()
            runs[name].append(work())
    print("Each run, seconds until the answer / until the file is on the disk:")
    for name, found in runs.items():
        print(f"  {name}:", ", ".join(f"{run.answered:.2f} / {run.stored:.2f}" for run in found))
    return {
        name: Run(min(run.answered for run in found), min(run.stored for run in found))
        for name, found in runs.items()
    }


def video_in(folder: Path) -> Path:
    """A file of random bytes, which no disk or file system can compress."""
    path = folder / "video.mp4"
    with path.open("wb") as file:
        while missing := SIZE - file.tell():
            file.write(os.urandom(min(missing, MIB)))
    return path


def speed(seconds: float) -> str:
    return f"{SIZE / seconds / 1e6:.0f} MB/s"


def row(name: str, ours: float, nginx: float, other: float) -> list[str]:
    """A row of speeds from seconds, with the promise about Clipset and nginx."""
    ratio = nginx / ours
    return [
        *(name, speed(ours), speed(nginx), f"{ratio:.2f} x", f"at least {PROMISED:.2f} x"),
        verdict(ratio >= PROMISED),
        speed(other),
    ]


def table_of(best: dict[str, Run], grown: int) -> list[list[str]]:
    """The rows of the result. `grown`: bytes by which a worker's memory grew."""
    nginx, one, many = best["nginx"], best["Clipset"], best["Clipset, pieces"]
    return [
        ["", "Clipset", "nginx", "ratio", "promised", "", "@tus/server"],
        row("on the disk, one PATCH", one.stored, nginx.stored, best["@tus/server"].stored),
        row(
            f"on the disk, pieces of {PIECE // MIB} MiB",
            *(many.stored, nginx.stored, best["@tus/server, pieces"].stored),
        ),
        [
            "answered (only Clipset's file is on the disk)",
            *(speed(one.answered), speed(nginx.answered)),
            *(f"{nginx.answered / one.answered:.2f} x", "", ""),
            speed(best["@tus/server"].answered),
        ],
        [
            "a worker grew by",
            *(f"{grown / MIB:.1f} MiB", "", "", f"less than {MAY_GROW // MIB} MiB"),
            verdict(grown < MAY_GROW),
            "",
        ],
    ]


def main() -> int:
    """Prints the table. Returns 1 when a promise does not hold."""
    folder = Path(tempfile.mkdtemp(prefix="clipset-bench-"))
    try:
        user = start_django(folder)
        video_file = video_in(folder)
        with ExitStack() as running:
            ours = Clipset(user, video_file, running)
            nginx = Nginx(folder, video_file, running)
            other = TusServer(folder, video_file, running)
            ours.send(PIECE)  # to warm up
            nginx.send()
            other.send(PIECE)
            with ours.growth() as grown:
                best = best_of_each(
                    {
                        "Clipset": lambda: ours.send(SIZE),
                        "nginx": nginx.send,
                        "@tus/server": lambda: other.send(SIZE),
                        "Clipset, pieces": lambda: ours.send(PIECE),
                        "@tus/server, pieces": lambda: other.send(PIECE),
                    }
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{SIZE / 1e6:.0f} MB over loopback, best of {ROUNDS}")
    return print_table(table_of(best, grown[0]))
