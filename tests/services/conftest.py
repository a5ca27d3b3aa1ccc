"""Servers of the tests' own: temporary, on Unix sockets, gone with the run."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.parts import require
from tests.processes import Site, process, short_folder, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """The REDIS_URL of an empty Redis that keeps nothing on disk; one that follows another in the
    same folder has the same."""
    socket = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no")
    with process([require("redis"), *options], log=folder / "log", cwd=folder):
        wait_for(socket.exists, name="Redis")
        yield f"unix://{socket}"


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    with short_folder() as folder, running_redis(folder) as url:
        yield url


# Also where an earlier test's site used the same database.
MARK_ROOTS = """
from siteconfig.places import SETTINGS
from siteconfig.roots import root_path, write_marker
from siteconfig.services.config import current_config
current_config()
for name in SETTINGS:
    root_path(name).mkdir(parents=True, exist_ok=True)
    write_marker(name)
"""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database to copy: migrating one takes 4 s of CPU."""
    site = Site(tmp_path_factory.mktemp("migrated"))
    site.manage("migrate", "--verbosity", "0")
    return site.database


@pytest.fixture
def make_site(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Site]:
    def make(**settings: str) -> Site:
        site = Site(tmp_path, **settings)
        if "DATABASE_URL" in settings:
            site.manage("migrate", "--verbosity", "0")
        else:
            shutil.copyfile(request.getfixturevalue("migrated"), site.database)
        site.shell(MARK_ROOTS)
        return site

    return make
