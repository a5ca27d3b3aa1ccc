"""The sites of `bench.pages`, each in a process of its own: fills one, or measures its pages."""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accounts.models import User
    from categories.models import Category
    from videos.models import Video

ONLY: Final = os.environ.get("BENCH_ONLY", "")
REQUESTS: Final = int(os.environ.get("BENCH_REQUESTS", "5"))  # of each page in each round
RARE: Final = 300  # videos with the rare words, at every size
MEMBERS: Final = 100  # at least, so that the directory's first page is full at every size
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
VIDEOS_PER_FAILED: Final = 10  # also per job and upload that needs attention
LEAST: Final = 100  # failed videos, jobs and uploads, so that lists of staff are full
CATEGORIES: Final = ("Gaming", "Tutorials", "Vlogs", "Music", "Sports", "Cooking")


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
    from bench.audit_log import add_audit_log
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
    logging.getLogger("clipset.transactions").setLevel(logging.ERROR)  # long ones are meant
    _on_sqlite("PRAGMA synchronous=OFF", "PRAGMA cache_size=-600000")  # KiB
    users, categories = _people(size)
    videos = _videos(size, users, categories)
    while some := list(islice(videos, 5000)):
        with transaction.atomic():
            _store(some)
    rebuild_engine()
    with transaction.atomic():
        add_activity(size, users)
        add_trouble(max(LEAST, size // VIDEOS_PER_FAILED), users, now=NOW)
        add_moderation(size, users, now=NOW)
    add_audit_log(size, users, now=NOW)
    _count_days()
    refresh_statistics()  # as the workers do daily
    _on_sqlite("PRAGMA wal_checkpoint(TRUNCATE)")
    if connection.vendor == "postgresql":  # as autovacuum does
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _on_sqlite(*statements: str) -> None:
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


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

    middle, cpu_seconds = _middle(size), _clock_of_processor()
    asked = []
    for username, theirs in (
        ("viewer", pages),
        ("staff", staff_pages),
        ("moderator", moderator_pages),
    ):
        client = Client()
        client.force_login(User.objects.get(username=username))
        asked += [(client, username, name, it) for name, it in theirs(middle).items()]
    measured: dict[str, Any] = {}
    for client, username, name, address in asked:
        if ONLY not in name:
            continue
        for _ in range(2):  # warms up: the session is noted and templates are read
            client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200, address
        counted = len(queries)  # counted now, since the next request clears them
        times, clock = [], []
        for _ in range(REQUESTS):
            since = cpu_seconds(), time.perf_counter()
            client.get(address)
            times.append((cpu_seconds() - since[0]) * 1000)
            clock.append((time.perf_counter() - since[1]) * 1000)
        found = {"queries": counted, "times": times, "clock": clock, "member": username}
        measured[name] = found
    return measured


def _clock_of_processor() -> Callable[[], float]:
    """A function that returns the processor time in seconds of this process and, on PostgreSQL, of
    the server's process that serves its connection."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return time.process_time
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    file = Path(f"/proc/{pid}/schedstat")  # nanoseconds first
    return lambda: time.process_time() + int(file.read_text().split()[0]) / 1e9


if __name__ == "__main__":
    _set_up()
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        print(json.dumps(measure(int(sys.argv[2]))))
