"""Benchmark: cost of pages on a small site and on a large one.

    python -m bench pages

At first each list of staff has a hundred rows at least, on a site of 1,000 videos; then the site
has 100,000 videos, 10,000 reports and 1,000,000 entries in the audit log. Each page must take at
most RATIO times as long, with as many queries. That is measured on SQLite and on a PostgreSQL
server of the benchmark's own. On an idle machine with two cores it takes about ten minutes.

Sizes take turns, so that other work on the machine affects all of them. Times are those of the
server, from the request to the complete response, measured with Django's test client in a separate
process. They are processor time with system calls, with that of the database; the time by the
clock, which doubles on a busy machine, is shown beside it.

BENCH_SIZES, BENCH_ROUNDS, BENCH_REQUESTS and BENCH_DATABASES set other sizes, numbers and
databases, BENCH_ONLY measures only pages with these words in their names. In the folder
BENCH_FOLDER the databases are kept and used again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from tests.postgresql import parameters, server
from tests.processes import short_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
SIZES: Final = [int(size) for size in os.environ.get("BENCH_SIZES", "1000 100000").split()]
DATABASES: Final = os.environ.get("BENCH_DATABASES", "sqlite postgresql").split()
ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
RATIO: Final = 1.5  # of the largest to the smallest, median
MILLISECONDS: Final = 100  # p95 of pages for all members, at every size
# These cost more with more videos, up to the newest 2,000 matches. Only MILLISECONDS applies.
CAPPED: Final = frozenset(
    {"search, a common word", "search, two common words", "search, a common, by views"}
)


def main() -> int:
    """Prints the results. Returns 1 if a promise does not hold."""
    failed = 0
    with _folder() as folder:
        for database in DATABASES:
            with (_sqlite if database == "sqlite" else _postgresql)(folder) as url_of:
                failed += _report(database, _measured(url_of))
    print(f"\nat most {RATIO} x by the median, and as many queries at every size;")
    print(f"pages for all members at most {MILLISECONDS} ms (p95)")
    return int(failed > 0)


def _measured(url_of: Callable[[int], str]) -> dict[int, dict[str, Any]]:
    """Fills the databases and measures each page on each of them."""
    for size in SIZES:
        since = time.monotonic()
        _child("fill", size, url_of(size))
        print(f"{size:,} videos made in {time.monotonic() - since:.0f} s", flush=True)
    since = time.monotonic()
    measured: dict[int, dict[str, Any]] = {size: {} for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            for name, got in json.loads(_child("measure", size, url_of(size))).items():
                row = measured[size].setdefault(
                    name, {"queries": set(), "times": [], "clock": [], "member": got["member"]}
                )
                row["queries"].add(got["queries"])
                row["times"] += got["times"]
                row["clock"] += got["clock"]
    print(f"measured in {time.monotonic() - since:.0f} s", flush=True)
    return measured


@contextmanager
def _folder() -> Iterator[Path]:
    kept = os.environ.get("BENCH_FOLDER")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept).absolute()
    else:
        with short_folder() as folder:
            folder.chmod(0o711)  # PostgreSQL does not run as root
            yield folder


@contextmanager
def _sqlite(folder: Path) -> Iterator[Callable[[int], str]]:
    """Gives the DATABASE_URL of each size."""
    yield lambda size: f"sqlite:///{folder}/{size}.db"


@contextmanager
def _postgresql(folder: Path) -> Iterator[Callable[[int], str]]:
    """Gives the DATABASE_URL of each size on a server that runs meanwhile."""
    # Processes beside the one of the connection would not be measured.
    with server(folder / "postgresql", "max_parallel_workers_per_gather=0") as url:
        with psycopg.connect(**parameters(url), autocommit=True) as admin:  # type: ignore[arg-type]
            there = {name for (name,) in admin.execute("SELECT datname FROM pg_database")}
            for size in SIZES:
                if f"site_{size}" not in there:
                    admin.execute(f"CREATE DATABASE site_{size}".encode())
        yield lambda size: f"{url.rpartition('/')[0]}/site_{size}"


def _report(database: str, measured: dict[int, dict[str, Any]]) -> int:
    """Prints a table. Returns how many pages cost too much."""
    failed = 0
    heads = "".join(f"{size:>11,}" for size in SIZES)
    print(f"\n{database + ', median in ms':<34}{heads}   ratio  queries    p95  by the clock")
    for name, first in measured[SIZES[0]].items():
        rows = [measured[size][name] for size in SIZES]
        median = [statistics.median(row["times"]) for row in rows]
        queries = set[int]().union(*(row["queries"] for row in rows))
        ratio = median[-1] / median[0]
        p95 = max(_p95(row["times"]) for row in rows)
        wrong = len(queries) != 1 or (first["member"] == "viewer" and p95 > MILLISECONDS)
        wrong |= name not in CAPPED and ratio > RATIO
        failed += wrong
        times = "".join(f"{value:>11.1f}" for value in median)
        counts = "/".join(map(str, sorted(queries)))
        clock = max(statistics.median(row["clock"]) for row in rows)
        note = "   too much" if wrong else ""
        print(f"{name:<34}{times}{ratio:>8.2f}{counts:>9}{p95:>7.1f}{clock:>14.1f}{note}")
    return failed


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _child(what: str, size: int, url: str) -> str:
    settings = {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "clipset.settings",
        "CLIPSET_ENV_FILE": os.devnull,
        "SECRET_KEY": "for-the-bench-only-0123456789-abcdefghijklmnopqrstuvwxyz",
        "ALLOWED_HOSTS": "testserver",
        "DEBUG": "off",
    }
    command = [sys.executable, "-W", "ignore", "-m", "bench.pages_site", what, str(size)]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True
    )
    return ran.stdout
