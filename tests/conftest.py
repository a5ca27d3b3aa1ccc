"""Options, hooks and fixtures of all tests. Clipset's settings for tests are in tests/settings.py.

Other parts of the plumbing: which tests run (tests/selection.py), how several workers share them
(tests/parallel.py), real programs that some tests need (tests/parts.py).
"""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.core.management.commands import flush
from django.core.management.sql import sql_flush
from django.db import connection, transaction
from django.utils import timezone

from clipset.database import transactions
from siteconfig.audit_triggers import create_statements, drop_statements
from tests import clips
from tests.parallel import (
    begin_with_the_longest,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)
from tests.parts import PARTS, require
from tests.postgresql import postgresql
from tests.projects import (
    databases,
    migrated_of_run,
    postgresql_databases,
    sqlite_databases,
)
from tests.selection import belongs_on_both, is_left_out, is_never_quick, uses_database
from tests.shifted_clock import clock_library, shifted_clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker, Settings

# Hooks of pytest-xdist, which pytest looks for in this file.
__all__ = ["pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]
# Fixtures for any test.
__all__ += ["clock_library", "databases", "postgresql", "postgresql_databases"]
__all__ += ["shifted_clock", "sqlite_databases"]

FOLDERS = {
    "VIDEO_STORAGE_PATH": "videos",
    "THUMBNAIL_STORAGE_PATH": "thumbnails",
    "TEMP_STORAGE_PATH": "temp",
    "ORIGINAL_STORAGE_PATH": "originals",
}
# Config.site_id of the site under test.
SITE_ID = UUID("c11b5e70-0000-4000-8000-000000000000")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also what takes above 30 seconds")
    parser.addoption("--quick", action="store_true", help="only unit and view tests on SQLite")


def pytest_configure(config: pytest.Config) -> None:
    for option in ("long", "quick"):
        if config.getoption(f"--{option}"):
            # For tests/examples.py, and for the second run on PostgreSQL.
            os.environ[f"CLIPSET_TESTS_{option.upper()}"] = "yes"
    for part in PARTS:
        config.addinivalue_line("markers", f"{part}: needs that program (tests/parts.py)")
    clips.share()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out with --quick what it never runs: collecting that takes seconds."""
    if config.getoption("--quick") and is_never_quick(collection_path, config.rootpath):
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keeps the garbage collector from what stays until the end: modules and thousands of tests.

    It would go through all of that again and again, here and in each test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if belongs_on_both(item):
            item.add_marker("both_databases")
    begin_with_the_longest(items)
    if left_out := {item for item in items if is_left_out(item, config)}:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for part in PARTS:
        if item.get_closest_marker(part):
            require(part)


def pytest_unconfigure() -> None:
    from tests.settings import SCRATCH

    shutil.rmtree(SCRATCH, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Whether a test database that exists is migrated on: one of SQLite is a copy of `shared`."""
    return connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Sets up the test database, and has each flush put back the rows that migrations created.

    A flush ends each transactional test and empties the database. By itself Django would restore
    only permissions and content types, in 50 ms.
    """
    with django_db_blocker.unblock():
        with one_migrates(tmp_path_factory.getbasetemp()):
            request.getfixturevalue("django_db_setup")
        migrated = migrated_rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: insert_rows(migrated))
        patch.setattr(flush, "sql_flush", flush_of_all_tables)
        yield


def flush_of_all_tables(*args: Any, **options: Any) -> list[str]:
    """The statements of Django's flush. The triggers of the audit log would refuse them."""
    vendor = connection.vendor
    return [
        *drop_statements(vendor),
        *sql_flush(*args, **options),
        *create_statements(vendor),
    ]


@contextmanager
def one_migrates(folder: Path) -> Iterator[None]:
    """Has one worker of the run migrate an SQLite database, and copies it to the test database.

    Args:
        folder: pytest's folder for temporary files of this worker.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with migrated_of_run(folder) as shared:
        if shared.exists():
            shutil.copyfile(shared, connection.settings_dict["TEST"]["NAME"])
        yield
        if not shared.exists():
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(shared)])


def migrated_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Reads every row of the database, by table."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            if found := cursor.fetchall():
                rows[table] = found
    return rows


def insert_rows(rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """Writes these rows instead of those in their tables: a request that outlived its test may have
    added the configuration since they were emptied."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table, found in rows.items():
            name, values = connection.ops.quote_name(table), ", ".join(["%s"] * len(found[0]))
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608
            cursor.executemany(f"INSERT INTO {name} VALUES ({values})", found)  # noqa: S608


@pytest.fixture(autouse=True)
def own_folders(request: pytest.FixtureRequest) -> None:
    """Gives each test with a database its own media folder (`media`); others save the time."""
    if uses_database(request.node):
        request.getfixturevalue("media")


@pytest.fixture(autouse=True)
def long_transactions(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fails a test that logs a transaction which computed for too long.

    Nothing fails while coverage is measured, which nearly doubles the CPU time of all code.
    The transactions that World.ask begins around whole requests, to roll them back, do not count.
    Returns the logged messages; a test that expects one removes it from the list.
    """
    found = list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    transactions.logger.addHandler(handler)
    yield found
    transactions.logger.removeHandler(handler)
    if not request.config.pluginmanager.hasplugin("_cov"):
        found = [message for message in found if "test_urls.ask" not in message]
        assert not found, "\n".join(found)


@pytest.fixture
def media(
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Creates a media folder for one test and sets it, also in the environment of subprocesses."""
    root = tmp_path / "media"
    settings.MEDIA_ROOT = root
    for name, folder in FOLDERS.items():
        setattr(settings, name, root / folder)
        monkeypatch.setenv(name, str(root / folder))
        (root / folder).mkdir(parents=True)
    if uses_database(request.node):
        request.getfixturevalue("db")
        set_up_site()
    return root


def set_up_site() -> None:
    """Creates the configuration's row, which a flush deletes, and marks each storage root.

    Runs before each test with a database, so it uses few queries and writes the markers without
    fsync, which would take 24 ms.
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
    """Empties SQLite's full-text index and the pending changes of it.

    The flush after a transactional test empties the tables but not the index, and its triggers
    leave rows in SearchChange.
    """
    from videos.models import SearchChange, SearchDocument

    if connection.vendor == "sqlite" and not SearchDocument.objects.exists():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO video_search (video_search) VALUES ('delete-all')")
        SearchChange.objects.all().delete()
