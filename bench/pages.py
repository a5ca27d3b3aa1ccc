"""Benchmark: time and queries of list pages with 1,000, 10,000, 100,000 and 1,000,000 videos.

    python -m bench pages

Each size has its own SQLite database, created for this and then removed. The sizes take turns, so
that other work on the machine affects all of them. Times are those of the server, from the request
to the complete response, measured with Django's test client in a separate process, which includes
SQLite. They are processor time with system calls; the time by the clock, which doubles on a busy
machine, is shown beside it. BENCH_SIZES, BENCH_ROUNDS and BENCH_REQUESTS set other sizes and
numbers, BENCH_ONLY measures only pages with these words in their names. In the folder BENCH_FOLDER
the databases are kept and used again.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User
    from categories.models import Category
    from videos.models import Video

ROOT = Path(__file__).resolve().parent.parent
SIZES: Final = [
    int(size) for size in os.environ.get("BENCH_SIZES", "1000 10000 100000 1000000").split()
]
ONLY: Final = os.environ.get("BENCH_ONLY", "")
ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
REQUESTS: Final = int(os.environ.get("BENCH_REQUESTS", "25"))  # of each page in each round
RATIO: Final = 1.5  # of the largest to the smallest, p95
MILLISECONDS: Final = 100  # p95, at every size
RARE: Final = 300  # videos with the rare words, at every size
MEMBERS: Final = 100  # at least, so that the directory's first page is full at every size
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
VIDEOS_PER_FAILED: Final = 10  # also per job and upload that needs attention
CATEGORIES: Final = ("Gaming", "Tutorials", "Vlogs", "Music", "Sports", "Cooking")
# These cost more with more videos, up to the newest 2,000 matches. Only MILLISECONDS applies.
CAPPED: Final = frozenset(
    {"search, a common word", "search, two common words", "search, a common, by views"}
)


def main() -> int:
    """Prints the results. Returns 1 if a promise does not hold."""
    with _folder() as folder:
        for size in SIZES:
            since = time.monotonic()
            _child("fill", size, folder)
            print(f"{size:,} videos made in {time.monotonic() - since:.0f} s", flush=True)
        measured: dict[int, dict[str, Any]] = {size: {} for size in SIZES}
        for _ in range(ROUNDS):
            for size in SIZES:
                for name, got in json.loads(_child("measure", size, folder)).items():
                    row = measured[size].setdefault(
                        name, {"queries": set(), "times": [], "clock": []}
                    )
                    row["queries"].add(got["queries"])
                    row["times"] += got["times"]
                    row["clock"] += got["clock"]
    return _report(measured)


@contextmanager
def _folder() -> Iterator[Path]:
    kept = os.environ.get("BENCH_FOLDER")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept).absolute()
    else:
        with tempfile.TemporaryDirectory(prefix="clipset-bench-") as folder:
            yield Path(folder)


def _report(measured: dict[int, dict[str, Any]]) -> int:
    failed = 0
    heads = "".join(f"{size:>11,}" for size in SIZES)
    print(f"\n{'p95 in ms':<28}{heads}   ratio  queries  by the clock")
    for name in measured[SIZES[0]]:
        p95 = [_p95(measured[size][name]["times"]) for size in SIZES]
        queries = set[int]().union(*(measured[size][name]["queries"] for size in SIZES))
        ratio = p95[-1] / p95[0]
        wrong = len(queries) != 1 or max(p95) > MILLISECONDS
        wrong |= name not in CAPPED and ratio > RATIO
        failed += wrong
        times = "".join(f"{value:>11.1f}" for value in p95)
        counts = "/".join(map(str, sorted(queries)))
        clock = max(_p95(measured[size][name]["clock"]) for size in SIZES)
        note = "   too much" if wrong else ""
        print(f"{name:<28}{times}{ratio:>8.2f}{counts:>9}{clock:>14.1f}{note}")
    print(f"\nat most {RATIO} x, {MILLISECONDS} ms, and as many queries at every size")
    return int(failed > 0)


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _child(what: str, size: int, folder: Path) -> str:
    settings = {
        "DATABASE_URL": f"sqlite:///{folder}/{size}.db",
        "DJANGO_SETTINGS_MODULE": "clipset.settings",
        "CLIPSET_ENV_FILE": os.devnull,
        "SECRET_KEY": "for-the-bench-only-0123456789-abcdefghijklmnopqrstuvwxyz",
        "ALLOWED_HOSTS": "testserver",
        "DEBUG": "off",
    }
    command = [sys.executable, "-W", "ignore", "-m", "bench.pages", what, str(size)]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True
    )
    return ran.stdout


# -- in a separate process ------------------------------------------------------------------------


def _set_up() -> None:
    import django
    from django.conf import settings

    # Hashed names need a collectstatic and have nothing to do with the database.
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    django.setup()


def fill(size: int) -> None:
    from django.core.management import call_command
    from django.db import connection, transaction

    from bench.activity import add_activity
    from bench.moderation import add_moderation
    from bench.trouble import add_trouble
    from clipset.database.statistics import refresh_statistics
    from videos.models import Video
    from videos.services.search_changes import rebuild_engine

    call_command("migrate", verbosity=0, interactive=False)
    if Video.objects.exists():  # kept from another run
        _count_days()
        refresh_statistics()
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("PRAGMA cache_size=-600000")  # KiB
    users, categories = _people(size)
    videos = _videos(size, users, categories)
    while some := list(islice(videos, 5000)):
        with transaction.atomic():
            _store(some)
    rebuild_engine()
    with transaction.atomic():
        add_activity(size, users)
        add_trouble(size // VIDEOS_PER_FAILED, users, now=NOW)
        add_moderation(size, users, now=NOW)
    _count_days()
    refresh_statistics()  # as the workers do daily
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _people(size: int) -> tuple[list[User], list[Category]]:
    from accounts.models import User
    from categories.models import Category

    viewer = User.objects.create_user("viewer", "viewer@example.org")
    User.objects.create_user("staff", "staff@example.org", role="ADMIN")
    User.objects.create_user("moderator", "moderator@example.org", role="MODERATOR")
    count = max(MEMBERS, size // 1000)
    users = User.objects.bulk_create(
        User(username=f"member_{number}", email=f"{number}@example.org") for number in range(count)
    )
    categories = [
        Category.objects.create(name=name, slug=name.lower(), created_by=viewer)
        for name in CATEGORIES
    ]
    return users, categories


def _videos(size: int, users: list[User], categories: list[Category]) -> Iterator[Video]:
    from videos.models import Video

    chance = random.Random(5)  # noqa: S311 the same videos at each run
    letters = "abdefgiklmnoprstu"
    words = ["".join(chance.choices(letters, k=chance.randint(4, 9))) for _ in range(5000)]
    every = size // min(RARE, size)
    for number in range(size):
        title = chance.choices(words, k=4)
        if number % 2:
            title.append("holiday")
        if number % every == 0 and number < every * RARE:
            title += ["kingfisher", "heron"]
        # One member uploads a tenth, all members together the rest.
        uploader = users[0] if number % 10 == 0 else chance.choice(users)
        yield Video(
            title=" ".join(title),
            description=" ".join([*chance.choices(words, k=20), "summer"]),
            uploaded_by=uploader,
            category=chance.choice([*categories, None]),
            view_count=int(chance.paretovariate(0.8)),
            created_at=NOW - timedelta(minutes=size - number),
            filename=f"{number}.mp4",
            storage_root="videos",
            original_filename="a.mp4",
            file_size_bytes=1,
            duration_seconds=83,
            thumbnail_filename=f"{number}.jpg",
            processing_status="COMPLETED",
        )


def _store(videos: list[Video]) -> None:
    from videos.models import SearchDocument, Video
    from videos.services.search_index import document_of

    Video.objects.bulk_create(videos)
    SearchDocument.objects.bulk_create(document_of(video, "") for video in videos)


def _count_days() -> None:
    """Counts the days as workers do hourly, and prints how long the first and next run take."""
    from videos.services.daily_statistics import count_days

    for run in ("first", "next"):
        since = time.monotonic()
        days = count_days()
        took = time.monotonic() - since
        print(f"{run} run: {days} days counted in {took:.1f} s", file=sys.stderr, flush=True)


def _middle(size: int) -> Video:
    from videos.models import Video

    return Video.objects.get(created_at=NOW - timedelta(minutes=size // 2))


def pages(middle: Video) -> dict[str, str]:
    """Addresses of a member's measured pages by their names in the table."""
    from django.urls import reverse

    from clipset.lib.keyset import encode_cursor

    deep = encode_cursor((middle.created_at.isoformat(), middle.pk.hex))
    few_views = encode_cursor((2, middle.pk.hex))
    return {
        "home": "/",
        "home, half-way": f"/?after={deep}",
        "home, by views": "/?sort=views",
        "home, by views, half-way": f"/?sort=views&after={few_views}",
        "home of a category": "/?category=music",
        "home of a category, by views": "/?category=music&sort=views",
        "category": "/categories/music/",
        "category, half-way": f"/categories/music/?after={deep}",
        "categories": "/categories/",
        "profile": "/profile/member_0/",
        "profile, half-way": f"/profile/member_0/?after={deep}",
        "profile, by views": "/profile/member_0/?sort=views",
        "directory": "/users/",
        "search": "/?q=kingfisher",
        "search, two words": "/?q=heron kingf",
        "search, newest": "/?q=kingfisher&sort=newest",
        "search, nothing found": "/?q=zzzz",
        "search, a common word": "/?q=holiday",
        "search, two common words": "/?q=holi summ",
        "search, by views": "/?q=kingfisher&sort=views",
        "search, a common, by views": "/?q=holiday&sort=views",
        "video": middle.get_absolute_url(),
        "comments": reverse("comments", args=[middle.short_id]),
        "trash": "/trash/",
    }


def measure(size: int) -> dict[str, Any]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User
    from bench.moderation import moderator_pages, staff_pages

    middle = _middle(size)
    asked = []
    for username, theirs in (
        ("viewer", pages),
        ("staff", staff_pages),
        ("moderator", moderator_pages),
    ):
        client = Client()
        client.force_login(User.objects.get(username=username))
        asked += [(client, name, address) for name, address in theirs(middle).items()]
    measured: dict[str, Any] = {}
    for client, name, address in asked:
        if ONLY not in name:
            continue
        for _ in range(2):  # warms up: the session is noted and templates are read
            client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200, address
        counted = len(queries)  # counted now, since the next request clears them
        times, clock = [], []
        for _ in range(REQUESTS):
            since = time.process_time(), time.perf_counter()
            client.get(address)
            times.append((time.process_time() - since[0]) * 1000)
            clock.append((time.perf_counter() - since[1]) * 1000)
        measured[name] = {"queries": counted, "times": times, "clock": clock}
    return measured


if __name__ == "__main__":
    _set_up()
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        print(json.dumps(measure(int(sys.argv[2]))))
