"""Clones of the project in which the scripts run for real."""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
import sys
import sysconfig
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.disks import Disk, site_disk
from tests.processes import free_port, short_folder
from tests.projects import SQLITE_FILE
from tests.setting_names import setting_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.projects import Databases

ROOT = Path(__file__).resolve().parents[2]


def not_in_a_clone(folder: str, names: list[str]) -> set[str]:
    """Finds the names that .gitignore lists; one with a slash at the front is a path from the top.

    For `ignore` of shutil.copytree.
    """
    lines = (ROOT / ".gitignore").read_text().splitlines()
    ignored = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    here = Path("/", Path(folder).relative_to(ROOT))
    anywhere = [".git", *(line for line in ignored if not line.startswith("/"))]
    below_top = [line for line in ignored if line.startswith("/")]
    return {
        name
        for name in names
        if any(fnmatch.fnmatch(name, each) for each in anywhere)
        or any(fnmatch.fnmatch(str(here / name), each) for each in below_top)
    }


class Clone:
    """A folder with the files of a clean clone of the project.

    `url` is its DATABASE_URL; "" stands for the SQLite file below it.
    """

    def __init__(self, root: Path, *, url: str = "") -> None:
        self.root = root
        self.url = url
        self.port = free_port()
        shutil.copytree(ROOT, root, ignore=not_in_a_clone, dirs_exist_ok=True)
        # The environment of a shell, without the settings of the test run.
        ours = setting_names() | {"DJANGO_SETTINGS_MODULE", "SEED", "CLIPSET_SETUP_LOGS"}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        self.environment = kept | {"PORT": str(self.port)}
        self.environment |= {"DATABASE_URL": url} if url else {}

    def install(self) -> None:
        """Puts in place what scripts/run would install, from the test run's own packages."""
        venv = self.root / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        [packages] = venv.glob("lib/python*/site-packages")
        (packages / "tests.pth").write_text(sysconfig.get_path("purelib"))
        (venv / ".clipset-root").write_text(str(self.root))
        more = ["requirements-scale.txt"] if self.url else []
        stamp = self.ask("requirements_stamp", "requirements.txt", *more)
        (venv / ".clipset-requirements").write_text(stamp)
        shutil.copytree(ROOT / "node_modules", self.root / "node_modules", symlinks=True)
        (self.root / "node_modules/.clipset-stamp").write_text(self.ask("front_end_stamp"))

    def put_database(self, databases: Databases) -> None:
        """Copies a migrated SQLite database: its migrations take 4 s of CPU in each clone."""
        (self.root / SQLITE_FILE.parent).mkdir()
        databases.migrated(self.root / SQLITE_FILE)

    def ask(self, *arguments: str, **environment: str) -> str:
        """Runs a function of scripts/lib.sh. Returns what it printed."""
        return subprocess.check_output(
            ["bash", "scripts/lib.sh", *arguments],
            cwd=self.root,
            env=self.environment | environment,
            text=True,
        ).strip()

    def refusal(self, **environment: str) -> str:
        """Runs scripts/run, which has to refuse to start. Returns its errors."""
        answer = subprocess.run(
            ["scripts/run"],
            cwd=self.root,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert answer.returncode == 1, answer.stdout + answer.stderr
        return answer.stderr.strip()

    def processes(self) -> dict[int, tuple[int, str]]:
        """Finds the processes that run in the folder: parent and command line by process id."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink() != self.root:
                    continue
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue
            if command:  # a zombie has no command line
                found[int(entry.name)] = (parent, command)
        return found


@contextmanager
def new_clone() -> Iterator[Clone]:
    with short_folder() as folder:
        root = folder / "a clone"
        root.mkdir()
        yield Clone(root.resolve())


@pytest.fixture
def clone() -> Iterator[Clone]:
    with new_clone() as made:
        yield made


@pytest.fixture(scope="module")
def shared_clone() -> Iterator[Clone]:
    """One for all tests of a file that install and start nothing in it."""
    with new_clone() as made:
        yield made


@pytest.fixture
def without_database(clone: Clone) -> Clone:
    """A clone with its packages installed, before its first start."""
    clone.install()
    return clone


@pytest.fixture
def installed(without_database: Clone, sqlite_databases: Databases) -> Clone:
    """A clone with its packages installed and an empty, migrated database."""
    without_database.put_database(sqlite_databases)
    return without_database


@pytest.fixture
def make_clone(databases: Databases) -> Iterator[Callable[[], Clone]]:
    """Makes clones with their packages and a database without tables: SQLite, then PostgreSQL."""
    with ExitStack() as folders:

        def make() -> Clone:
            root = folders.enter_context(short_folder()) / "a clone"
            root.mkdir()
            made = Clone(root.resolve(), url=databases.empty())
            made.environment |= {"SEED": "none"}
            made.install()
            return made

        yield make


@pytest.fixture
def disk() -> Iterator[Disk]:
    with short_folder() as folder, site_disk(folder / "a clone") as made:
        yield made


@pytest.fixture
def on_own_disk(disk: Disk, sqlite_databases: Databases) -> Clone:
    """An installed clone whose database, logs and videos are on a disk that a test can fill."""
    made = Clone(disk.folder.resolve())
    made.environment |= {"SEED": "none", "MIN_FREE_DISK_BYTES": str(10 * 1024**2)}
    made.install()
    made.put_database(sqlite_databases)
    return made


@pytest.fixture
def fake_program(tmp_path: Path) -> Callable[[str, str], str]:
    """Puts a shell script in front of the real program of that name. Returns the PATH to use."""

    def put(name: str, script: str) -> str:
        folder = tmp_path / "fakes"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return f"{folder}{os.pathsep}{os.environ['PATH']}"

    return put
