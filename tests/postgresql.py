"""A temporary PostgreSQL server on a Unix socket that ends with the run."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from tests.parts import require
from tests.processes import process, short_folder, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Starts an empty PostgreSQL without access control. Gives its DATABASE_URL."""
    require("postgresql")
    with short_folder() as folder, server(folder) as url:
        yield url


@contextmanager
def server(folder: Path, *options: str) -> Iterator[str]:
    """Runs a PostgreSQL without access control in a folder. Gives its DATABASE_URL.

    Args:
        folder: where its data and its socket are; it is created if it is missing.
        options: settings of postgresql.conf besides: "jit=off".
    """
    initdb = Path(require("postgresql"))
    folder.mkdir(exist_ok=True)
    as_user: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("nobody")
        ids = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups")
        as_user = ["setpriv", *ids, "--"]
        os.chown(folder, user.pw_uid, user.pw_gid)
    data = folder / "data"
    if not data.exists():
        locale = ("--encoding", "UTF8", "--locale", "C.UTF-8")
        subprocess.run(
            [*as_user, initdb, "-D", data, "-U", "clipset", "-A", "trust", "--no-sync", *locale],
            check=True,
            capture_output=True,
            cwd=folder,
        )
    # Speed matters and durability does not.
    quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
    started: list[str | Path] = [
        *as_user,
        initdb.with_name("postgres"),
        "-D",
        data,
        "-k",
        folder,
        *(f"-c{option}" for option in (*quick, *options)),
    ]
    log = folder / "log"
    log.touch(mode=0o666)
    # SIGINT asks for a fast shutdown, which doesn't wait for clients.
    with process(started, stop=signal.SIGINT, log=log, cwd=folder):
        url = f"postgres://clipset@/{folder}/postgres"
        wait_for(lambda: _answers(url), name="PostgreSQL")
        yield url


def _answers(url: str) -> bool:
    """Returns whether the server takes connections. Its socket is there before that."""
    try:
        psycopg.connect(**parameters(url)).close()  # type: ignore[arg-type]
    except psycopg.OperationalError:
        return False
    return True


def parameters(url: str) -> dict[str, str]:
    """Returns the parameters of psycopg for a DATABASE_URL of the form that the fixture gives."""
    user, _, place = url.removeprefix("postgres://").partition("@/")
    host, _, name = place.rpartition("/")
    return {"user": user, "host": host, "dbname": name}


def new_database(server: str, *, template: str = "template0") -> str:
    """Creates a database on the server of `postgresql`. Returns its DATABASE_URL."""
    name = f"site_{uuid4().hex[:12]}"
    with psycopg.connect(**parameters(server), autocommit=True) as admin:  # type: ignore[arg-type]
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{server.rpartition('/')[0]}/{name}"


def dump(url: str, file: Path) -> None:
    """Writes a database to a file of SQL, whole or not at all."""
    begun = file.with_suffix(".begun")
    _run("pg_dump", url, "--no-owner", "--file", begun)
    begun.rename(file)


def load_dump(url: str, file: Path) -> None:
    """Fills an empty database with a dump (0.5 s)."""
    quiet = ("--quiet", "--output", os.devnull, "--set", "ON_ERROR_STOP=1")
    _run("psql", url, *quiet, "--single-transaction", "--file", file)


def _run(program: str, url: str, *options: str | Path) -> None:
    of = parameters(url)
    place = ("--host", of["host"], "--username", of["user"], "--dbname", of["dbname"])
    command = [Path(require("postgresql")).resolve().with_name(program), *place, *options]
    subprocess.run(command, check=True)
