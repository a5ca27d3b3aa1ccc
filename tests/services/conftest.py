"""A Redis server on a Unix socket that ends with the run, and sites with migrated databases."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.parts import require
from tests.processes import Site, process, short_folder, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.projects import Databases


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Runs an empty Redis that keeps nothing on disk.

    Gives its REDIS_URL, which depends on the folder alone.
    """
    socket = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no")
    with process([require("redis"), *options], log=folder / "log", cwd=folder):
        wait_for(socket.exists, name="Redis")
        yield f"unix://{socket}"


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    with short_folder() as folder, running_redis(folder) as url:
        yield url


MARK_ROOTS = """
from siteconfig.places import SETTINGS
from siteconfig.roots import root_path, write_marker
from siteconfig.services.config import current_config
current_config()
for name in SETTINGS:
    root_path(name).mkdir(parents=True, exist_ok=True)
    write_marker(name)
"""


@pytest.fixture
def make_site(tmp_path: Path, sqlite_databases: Databases) -> Callable[..., Site]:
    """Makes a site whose storage roots have markers, on an SQLite database of its own.

    With a DATABASE_URL it uses that, which has to be migrated.
    """

    def make(**settings: str) -> Site:
        site = Site(tmp_path, **settings)
        if "DATABASE_URL" not in settings:
            sqlite_databases.migrated(site.database)
        site.shell(MARK_ROOTS)
        return site

    return make
