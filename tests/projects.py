"""Sites in folders of their own, each with a copy of the code, and databases for them.

For tests that restore a backup into a site. Lighter than the clones of tests/scripts: no
scripts/run, no static files, the Python of the tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import psycopg
import pytest

from tests.postgresql import dump, load_dump, new_database, parameters
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = ("manage.py", "accounts", "categories", "clipset", "siteconfig", "videos")
SECRET = "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz"
SQLITE_FILE = Path("data/clipset.db")
SET_UP = "from videos.services.storage import mark_new_roots; mark_new_roots()"


class Project:
    """A site in a new folder. `url` is its DATABASE_URL; "" stands for an SQLite file in it."""

    def __init__(self, root: Path, *, url: str = "", **settings: str) -> None:
        self.root = root
        self.url = url
        root.mkdir(parents=True)
        for name in CODE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, root / name)
        (root / "node_modules").mkdir()
        (root / "data").mkdir()
        (root / ".env").write_text(f"SECRET_KEY={SECRET}\n")
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"DATABASE_URL": url} if url else {}
        self.environment |= settings

    @property
    def media(self) -> Path:
        return self.root / "media"

    def command(self, *arguments: str) -> dict[str, Any]:
        """Arguments of subprocess.run and Popen that run manage.py."""
        return {
            "args": [sys.executable, "manage.py", *arguments],
            "cwd": self.root,
            "env": self.environment,
            "stdin": subprocess.DEVNULL,
        }

    def tried(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs manage.py to its end, whether it fails or not."""
        return subprocess.run(
            **self.command(*arguments), capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str) -> str:
        done = self.tried(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """Runs manage.py, which has to fail. Returns its errors."""
        done = self.tried(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def shell(self, code: str) -> str:
        """Runs code in the site. Returns what it printed."""
        return self.manage("shell", "--no-imports", "-c", code).strip()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return database_rows(self.url or sqlite_url(self.root / SQLITE_FILE), query, *values)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{quote(str(file))}"


def database_rows(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Reads rows of a site's database; `?` in the query stands for a value."""
    if url.startswith("sqlite:///"):
        file = unquote(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file, timeout=20)) as database:
            return database.execute(query, values).fetchall()
    with psycopg.connect(**parameters(url)) as database:  # type: ignore[arg-type]
        return database.execute(query.replace("?", "%s"), values).fetchall()


@contextmanager
def migrated_of_run(folder: Path, kind: str = "sqlite") -> Iterator[Path]:
    """Gives the file of a migrated database for the whole run, locked for this worker: a database
    of SQLite, or a dump of one of PostgreSQL.

    Whoever finds no file there migrates a database (7 s of processor time) and puts a copy there.

    Args:
        folder: pytest's folder for temporary files of this worker.
    """
    run = folder.parent if folder.name.startswith("popen-") else folder
    shared = run / f"migrated.{kind}"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared


class Databases:
    """New databases of one kind. The migrations run once; the others are copies."""

    def __init__(self, kind: str, server: str, folder: Path) -> None:
        self.kind = kind
        self._server = server
        self._folder = folder / f"databases-{kind}"
        self._run = folder

    @cached_property
    def _migrated(self) -> Project:
        made = Project(self._folder / "migrated", url=self.empty())
        file = made.root / SQLITE_FILE
        with migrated_of_run(self._run, self.kind) as shared:
            if not shared.exists():
                made.manage("migrate", "--verbosity", "0")
                dump(made.url, shared) if self._server else shutil.copyfile(file, shared)
            elif self._server:
                load_dump(made.url, shared)
            else:
                shutil.copyfile(shared, file)
        return made

    @cached_property
    def _set_up(self) -> Project:
        made = self._copy_of(self._migrated, self._folder / "set-up")
        made.shell(SET_UP)
        return made

    def empty(self) -> str:
        """The DATABASE_URL of a database without tables; "" is SQLite's default place."""
        return new_database(self._server) if self._server else ""

    def migrated(self, file: Path | None = None) -> str:
        """Makes a migrated database without rows; on SQLite it is this file.

        Returns its DATABASE_URL.
        """
        if self._server:
            return new_database(self._server, template=_name(self._migrated.url))
        assert file is not None
        shutil.copyfile(self._migrated.root / SQLITE_FILE, file)
        return sqlite_url(file)

    def project(self, root: Path, **settings: str) -> Project:
        """A site that was just set up."""
        made = self._copy_of(self._set_up, root, **settings)
        shutil.copytree(self._set_up.media, made.media)  # empty, with their markers
        if videos := settings.get("VIDEO_STORAGE_PATH"):
            shutil.copytree(made.media / "videos", videos, dirs_exist_ok=True)
        return made

    def _copy_of(self, project: Project, root: Path, **settings: str) -> Project:
        url = new_database(self._server, template=_name(project.url)) if self._server else ""
        made = Project(root, url=url, **settings)
        if not self._server:
            shutil.copyfile(project.root / SQLITE_FILE, root / SQLITE_FILE)
        return made


def _name(url: str) -> str:
    """The database's name in a DATABASE_URL."""
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases("sqlite", "", tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def postgresql_databases(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases("postgresql", postgresql, tmp_path_factory.getbasetemp())


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def databases(request: pytest.FixtureRequest) -> Databases:
    """Databases of each kind, one after the other."""
    made: Databases = request.getfixturevalue(f"{request.param}_databases")
    return made
