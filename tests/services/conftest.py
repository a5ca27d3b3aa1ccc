"""Servers of the tests' own: temporary, on Unix sockets, gone with the run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parts import require
from tests.processes import Site, process, short_folder, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The DATABASE_URL of an empty PostgreSQL, where everybody may do everything."""
    initdb = Path(require("postgresql"))
    with short_folder() as folder:
        as_user: list[str] = []
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            user = pwd.getpwnam("nobody")
            ids = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups")
            as_user = ["setpriv", *ids, "--"]
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        locale = ("--encoding", "UTF8", "--locale", "C.UTF-8")
        subprocess.run(
            [*as_user, initdb, "-D", data, "-U", "clipset", "-A", "trust", "--no-sync", *locale],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        # Nothing has to outlast the run.
        quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        options = [f"-c{option}" for option in (*quick, "listen_addresses=")]
        server: list[str | Path] = [
            *as_user,
            initdb.with_name("postgres"),
            "-D",
            data,
            "-k",
            folder,
            *options,
        ]
        log = folder / "log"
        log.touch(mode=0o666)
        # SIGINT is its fast shutdown, which doesn't wait for clients.
        with process(server, stop=signal.SIGINT, log=log, cwd=folder):
            wait_for((folder / ".s.PGSQL.5432").exists, name="PostgreSQL")
            yield f"postgres://clipset@/{folder}/postgres"


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
