"""Which of the collected tests a run takes.

- Without options: all but those marked `long`: above 30 s, or like others that do run.
- `--long`: those as well.
- `--quick`: unit and view tests on SQLite. No other program than Python's runs, no server, no task
  queue: about 2 minutes on 2 cores. Coverage is measured over these (scripts/test).
- With CLIPSET_TEST_DATABASE_URL, which tests/services/test_postgresql.py sets: tests marked
  `both_databases`, a second time. Without `--long` they are what may differ between SQLite and
  PostgreSQL: locks, raw SQL, constraints, full-text search.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tests.parts import PARTS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# Below tests/: every test that uses the database runs on both databases.
ON_BOTH_DATABASES: Final = (
    "accounts/test_invitations",
    "accounts/test_members",
    "accounts/test_quota",
    "accounts/test_sessions",
    "accounts/test_trash",
    "categories/",
    "siteconfig/",
    "videos/services/",
    "videos/selectors/",
    "videos/test_models",
    "videos/test_querysets",
)
# Of those: pages, forms, the admin and files, whose queries Django writes the same way for both
# databases. On PostgreSQL they run with --long only, except tests of several transactions.
ON_POSTGRESQL_WITH_LONG: Final = (
    "accounts/test_invitations",
    "accounts/test_members",
    "accounts/test_quota",
    "accounts/test_sessions",
    "categories/",
    "siteconfig/",
    "videos/services/test_captions",
    "videos/services/test_comments",
    "videos/services/test_deletions",
    "videos/services/test_details",
    "videos/services/test_files",
    "videos/services/test_guest_links",
    "videos/services/test_likes",
    "videos/services/test_playlists",
    "videos/services/test_removals",
    "videos/services/test_restoring",
    "videos/services/test_set_aside",
    "videos/services/test_watch_progress",
    "videos/services/uploads/test_create",
)
# pytest-django's fixtures that set up the database.
DATABASE_FIXTURES: Final = {"db", "transactional_db", "live_server", "admin_client", "admin_user"}
# Tests with these markers need a database of their own, or none.
NOT_ON_BOTH: Final = {"browser", "ffmpeg", "long", "postgresql", "redis"}

# Folders and files below tests/ that --quick does not even collect: whole sites, servers, task
# queues, processes at the same time, disks that fail, input at random, the largest pictures.
NOT_QUICK: Final = (
    "accounts/test_avatars",
    "accounts/test_quota_model",
    "browser/",
    "clipset/lib/test_pictures",
    "clipset/lib/test_weeks",
    "clipset/test_startup",
    "hostile/",
    "scripts/",
    "services/",
    "siteconfig/test_admin_fuzz",
    "videos/doctor/test_faults",
    "videos/services/test_search_changes",
    "videos/services/uploads/test_uploads_together",
    "videos/test_failing_disk",
    "videos/test_migrating_roots",
    "videos/test_storage_away",
    "videos/test_tus_",
    "videos/test_workers",
    "videos/test_write_lock",
    "videos/test_wrong_clock",
    "videos/views/test_stalled",
)
NOT_QUICK_MARKERS: Final = {*PARTS, "long", "slow"}
# Fixtures that start a server, workers or another program.
NOT_QUICK_FIXTURES: Final = {"databases", "gunicorn", "shifted_clock"}


def uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or not DATABASE_FIXTURES.isdisjoint(
        getattr(item, "fixturenames", ())
    )


def belongs_on_both(item: pytest.Item) -> bool:
    """Whether the test gets the marker `both_databases` because of the folder that it is in."""
    return (
        _path(item).startswith(ON_BOTH_DATABASES)
        and uses_database(item)
        and not any(item.get_closest_marker(name) for name in NOT_ON_BOTH)
    )


def is_left_out(item: pytest.Item, config: pytest.Config) -> bool:
    """Whether the options of this run, or its database, leave the test out."""
    is_on_postgresql = "CLIPSET_TEST_DATABASE_URL" in os.environ
    if item.get_closest_marker("only_on_postgresql") and not is_on_postgresql:
        return True
    if config.getoption("--quick") and not _is_quick(item):
        return True
    if config.getoption("--long"):
        return False
    if item.get_closest_marker("long"):
        return True
    return is_on_postgresql and _is_long_on_postgresql(item)


def is_never_quick(path: Path, root: Path) -> bool:
    """Whether --quick takes no test of a file or folder."""
    if not path.is_relative_to(root / "tests"):
        return False
    below = path.relative_to(root / "tests").as_posix() + ("/" if path.is_dir() else "")
    return below.startswith(NOT_QUICK) or below.endswith("_live.py")


def _is_long_on_postgresql(item: pytest.Item) -> bool:
    if item.get_closest_marker("long_on_postgresql"):
        return True
    return _path(item).startswith(ON_POSTGRESQL_WITH_LONG) and not _has_transactions(item)


def _has_transactions(item: pytest.Item) -> bool:
    """Whether the test commits, as those do that show locks between threads or processes."""
    marker = item.get_closest_marker("django_db")
    is_asked_for = marker is not None and bool(marker.kwargs.get("transaction"))
    return is_asked_for or "transactional_db" in getattr(item, "fixturenames", ())


def _is_quick(item: pytest.Item) -> bool:
    return (
        not any(item.get_closest_marker(name) for name in NOT_QUICK_MARKERS)
        and NOT_QUICK_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        and not is_never_quick(item.path, item.config.rootpath)
    )


def _path(item: pytest.Item) -> str:
    """The path of the test's file below tests/."""
    return item.path.relative_to(item.config.rootpath / "tests").as_posix()
