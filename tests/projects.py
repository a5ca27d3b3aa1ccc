"""Sites in folders of their own, each with a copy of the code: what restores into one need.

Lighter than the clones of tests/scripts: no scripts/run, no static files, the Python of the tests.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import psycopg
import pytest

from tests.postgresql import new_database, parameters
from tests.processes import ROOT

CODE = ("manage.py", "accounts", "categories", "clipset", "siteconfig", "videos")
SECRET = "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz"
SET_UP = "from videos.services.storage import mark_new_roots; mark_new_roots()"


class Project:
    """A site in a folder that is made. `url` is its DATABASE_URL; "" is an SQLite file below it."""

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
        # The tests' own package too, for what is run in the site's surroundings.
        self.environment |= {"DATABASE_URL": url} if url else {}
        self.environment |= settings

    @property
    def media(self) -> Path:
        return self.root / "media"

    def command(self, *arguments: str) -> dict[str, Any]:
        """What subprocess takes, to run manage.py."""
        return {
            "args": [sys.executable, "manage.py", *arguments],
            "cwd": self.root,
            "env": self.environment,
            "stdin": subprocess.DEVNULL,
        }

    def tried(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """manage.py, run to its end, however that is."""
        return subprocess.run(
            **self.command(*arguments), capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str) -> str:
        done = self.tried(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """What manage.py says when it fails."""
        done = self.tried(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def shell(self, code: str) -> str:
        """What the code printed."""
        return self.manage("shell", "--no-imports", "-c", code).strip()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return database_rows(self.url or sqlite_url(self.root / "data/clipset.db"), query, *values)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{quote(str(file))}"


def database_rows(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What stands in a site's database; `?` is a value's place."""
    if url.startswith("sqlite:///"):
        file = unquote(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file, timeout=20)) as database:
            return database.execute(query, values).fetchall()
    with psycopg.connect(**parameters(url)) as database:  # type: ignore[arg-type]
        return database.execute(query.replace("?", "%s"), values).fetchall()


class Databases:
    """New databases of one kind, of which the migrations ran once in all."""

    def __init__(self, kind: str, server: str, folder: Path) -> None:
        self.kind = kind
        self._server = server
        self._folder = folder

    @cached_property
    def _migrated(self) -> Project:
        made = Project(self._folder / "migrated", url=self.empty())
        made.manage("migrate", "--verbosity", "0")
        made.shell(SET_UP)
        return made

    def empty(self) -> str:
        """The DATABASE_URL of a database without tables; "" is SQLite's default place."""
        return new_database(self._server) if self._server else ""

    def project(self, root: Path, **settings: str) -> Project:
        """A site that was just set up."""
        url = ""
        if self._server:
            template = self._migrated.url.rpartition("/")[2]
            url = new_database(self._server, template=template)
        made = Project(root, url=url, **settings)
        if not self._server:
            shutil.copyfile(self._migrated.root / "data/clipset.db", root / "data/clipset.db")
        shutil.copytree(self._migrated.media, made.media)  # empty, with their markers
        if videos := settings.get("VIDEO_STORAGE_PATH"):
            shutil.copytree(made.media / "videos", videos, dirs_exist_ok=True)
        return made


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    server = "" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    return Databases(request.param, server, tmp_path_factory.mktemp("databases"))
