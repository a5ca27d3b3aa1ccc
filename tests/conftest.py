"""What all tests share. Clipset's own settings for tests stand in tests/settings.py.

- `long` (above 30 s) runs with --long only; `long_on_postgresql` on SQLite always, and on
  PostgreSQL with --long only: there a few others of the same kind run each time.
- Several workers share the tests (tests/parallel.py).
- `ffmpeg`, `browser`, `postgresql`, `redis`, `nginx` need a real program (tests/parts.py).
- Tests of models, services and queries run on PostgreSQL too: they get the marker
  `both_databases` here by where they stand, others may carry it, and
  tests/services/test_postgresql.py runs all that have it a second time.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.core.management.commands import flush
from django.db import connection, transaction
from django.utils import timezone

from clipset.database import transactions
from tests.parallel import (
    begin_with_the_longest,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)
from tests.parts import PARTS, require
from tests.postgresql import postgresql
from tests.projects import databases
from tests.shifted_clock import clock_library, shifted_clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from pytest_django import DjangoDbBlocker, Settings

# Hooks that pytest looks for here.
__all__ = ["pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]
# Fixtures for any test: a wall clock that it sets, a PostgreSQL server, new databases of each kind.
__all__ += ["clock_library", "databases", "postgresql", "shifted_clock"]

FOLDERS = {
    "VIDEO_STORAGE_PATH": "videos",
    "THUMBNAIL_STORAGE_PATH": "thumbnails",
    "TEMP_STORAGE_PATH": "temp",
    "ORIGINAL_STORAGE_PATH": "originals",
}
# Of the site under test, whatever is done to its configuration's row.
SITE_ID = UUID("c11b5e70-0000-4000-8000-000000000000")
# Below tests/: where what concerns the database is tested.
ON_BOTH_DATABASES = (
    "accounts/test_invitations",
    "accounts/test_members",
    "accounts/test_quota",
    "accounts/test_sessions",
    "categories/",
    "siteconfig/",
    "videos/models/",
    "videos/services/",
    "videos/selectors/",
    "videos/test_models",
    "videos/test_querysets",
)
# Fixtures of pytest-django that bring the database.
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "admin_client", "admin_user"}
# What these tests do takes a database of its own, or is about something else.
NOT_ON_BOTH = {"browser", "ffmpeg", "long", "postgresql", "redis"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also what takes above 30 seconds")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        os.environ["CLIPSET_TESTS_LONG"] = "yes"  # for the workers, and for runs within the run
    for line in ("ffmpeg: needs FFmpeg", "both_databases: runs on SQLite and on PostgreSQL"):
        config.addinivalue_line("markers", line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _belongs_on_both(config, item):
            item.add_marker("both_databases")
    begin_with_the_longest(items)
    if config.getoption("--long"):
        return
    names = ["long"]
    if "CLIPSET_TEST_DATABASE_URL" in os.environ:
        names.append("long_on_postgresql")
    long = [item for item in items if any(map(item.get_closest_marker, names))]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def _belongs_on_both(config: pytest.Config, item: pytest.Item) -> bool:
    where = item.path.relative_to(config.rootpath / "tests").as_posix()
    return (
        where.startswith(ON_BOTH_DATABASES)
        and _uses_database(item)
        and not any(item.get_closest_marker(name) for name in NOT_ON_BOTH)
    )


def _uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or not DATABASE_FIXTURES.isdisjoint(
        getattr(item, "fixturenames", ())
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    for part in PARTS:
        if item.get_closest_marker(part):
            require(part)


def pytest_unconfigure() -> None:
    from tests.settings import SCRATCH

    shutil.rmtree(SCRATCH, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database. A flush, which ends each transactional test, leaves it as migrated.

    Without this the flush would empty it for all tests that follow, except for permissions and
    content types, which Django would create again in 50 ms.
    """
    with django_db_blocker.unblock():
        migrated = migrated_rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: insert_rows(migrated))
        yield


def migrated_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the database, by table."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            if found := cursor.fetchall():
                rows[table] = found
    return rows


def insert_rows(rows: dict[str, list[tuple[Any, ...]]]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for table, found in rows.items():
            name, values = connection.ops.quote_name(table), ", ".join(["%s"] * len(found[0]))
            cursor.executemany(f"INSERT INTO {name} VALUES ({values})", found)  # noqa: S608


@pytest.fixture(autouse=True)
def own_folders(request: pytest.FixtureRequest) -> None:
    """Tests with a database have folders of their own; the others go without, for speed."""
    if _uses_database(request.node):
        request.getfixturevalue("media")


@pytest.fixture(autouse=True)
def long_transactions() -> Iterator[list[str]]:
    """No transaction of a test computes for longer than one of the site may. What was logged, for
    tests that see it happen on purpose and empty it."""
    found = list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    transactions.logger.addHandler(handler)
    yield found
    transactions.logger.removeHandler(handler)
    assert not found, "\n".join(found)


@pytest.fixture
def media(
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Each test has its own media folder, also in the processes that it starts."""
    root = tmp_path / "media"
    settings.MEDIA_ROOT = root
    for name, folder in FOLDERS.items():
        setattr(settings, name, root / folder)
        monkeypatch.setenv(name, str(root / folder))
        (root / folder).mkdir(parents=True)
    if _uses_database(request.node):
        request.getfixturevalue("db")
        set_up_site()
    return root


def set_up_site() -> None:
    """Creates the configuration's row, which a flush deletes, and marks each storage root.

    Every test with a database pays for this: few queries, and no fsync for the markers (24 ms).
    """
    from siteconfig import places, roots
    from siteconfig.models import Config, StorageRoot

    roots.forget()
    forget_searched_documents()
    folders = {name: roots.root_path(name) for name in places.SETTINGS}
    StorageRoot.objects.bulk_create(
        [
            StorageRoot(
                name=name, kind=name, path=places.as_stored(folder), marked_at=timezone.now()
            )
            for name, folder in folders.items()
        ],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["kind", "path", "marked_at"],
    )
    config = {"site_id": SITE_ID, "video_storage_path": places.as_stored(folders[places.VIDEOS])}
    if not Config.objects.filter(pk=Config.SINGLETON_ID).update(**config):
        Config.objects.create(pk=Config.SINGLETON_ID, **config)
    for name, folder in folders.items():
        folder.mkdir(exist_ok=True)
        marker = json.dumps({"site": str(SITE_ID), "root": name}) + "\n"
        (folder / roots.MARKER).write_text(marker)


def forget_searched_documents() -> None:
    """The flush after a transactional test empties the tables, but not SQLite's full-text index,
    and leaves notes of what is to be taken out of that."""
    from videos.models import SearchChange, SearchDocument

    if connection.vendor == "sqlite" and not SearchDocument.objects.exists():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO video_search (video_search) VALUES ('delete-all')")
        SearchChange.objects.all().delete()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    # Playwright's loop makes Django take the test's thread for an asynchronous one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require("browser"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser profile that nobody used before."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)  # milliseconds
    yield context.new_page()
    context.close()
