"""scripts/upgrade with PostgreSQL, and with a backup repository."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.processes import short_folder, wait_for
from tests.scripts.conftest import Clone
from tests.scripts.member import Browser, make_bob, manage, rows
from tests.scripts.repository import (
    CHANGES_AND_FAILS,
    code_is,
    last_upgrade,
    make_repository,
    make_version,
    migration,
    new_version,
    upgrade,
)
from tests.scripts.site import end, healthy, logs, running, started
from tests.scripts.test_upgrade import go_back_by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.projects import Databases

pytestmark = [pytest.mark.ffmpeg, pytest.mark.git, pytest.mark.long]

# Prints names of members, states of videos, and whether the new version's table exists.
HAS = """
from django.db import connection
from accounts.models import User
from videos.models import Video
print(*User.objects.values_list("username", flat=True), end=";")
print(*Video.objects.values_list("processing_status", flat=True), end=";")
print("new_version" in connection.introspection.table_names())
"""
OLD, NEW = "bob;COMPLETED;False", "bob;COMPLETED;True"


def has(clone: Clone) -> str:
    return manage(clone, "shell", "--no-imports", "-c", HAS).strip()


@pytest.fixture
def on_postgresql(without_database: Clone, postgresql_databases: Databases) -> Clone:
    """A clone on a migrated PostgreSQL database of its own, with the drivers installed."""
    clone = without_database
    clone.environment["DATABASE_URL"] = postgresql_databases.migrated()
    files = ("requirements.txt", "requirements-scale.txt")
    stamp = clone.ask("requirements_stamp", *files)
    (clone.root / ".venv/.clipset-requirements").write_text(stamp)
    return clone


@pytest.mark.postgresql
def test_a_running_site_on_postgresql_is_upgraded_and_comes_back(on_postgresql: Clone) -> None:
    clone = on_postgresql
    old = make_repository(clone)
    make_version(clone, "failing", migration(clone, CHANGES_AND_FAILS, is_atomic=False))
    new = make_version(clone, "new", new_version(clone))
    with running(clone) as process:
        started(process)
        make_bob(clone)
        bob = Browser(clone)
        bob.log_in()
        assert bob.upload(clips.h264_mp4(seconds=3))
        wait_for(lambda: has(clone) == OLD, seconds=90, name="the video")

        done = upgrade(clone, "failing")
        assert done.returncode == 1, done.stdout
        assert "this migration fails" in done.stdout
        assert "The old version is back, with its database." in done.stdout
        assert code_is(clone, old, "main")
        assert has(clone) == OLD
        assert healthy(clone)
        assert (last_upgrade(clone) / "failed/clipset.pgdump").stat().st_size

        done = upgrade(clone, "new")
        assert done.returncode == 0, done.stdout + logs(clone)
        assert "The site runs at" in done.stdout
        assert code_is(clone, new)
        assert has(clone) == NEW
        assert healthy(clone)
        assert b"The new version" in bob.ask("/login/")[1]
        assert (last_upgrade(clone) / "database/clipset.pgdump").stat().st_size
        end(clone, process, signal.SIGTERM)

    go_back_by_hand(clone)
    assert (clone.root / "data/before-going-back/clipset.pgdump").stat().st_size
    assert code_is(clone, old)
    assert has(clone) == OLD
    with running(clone) as process:
        started(process)
        assert bob.ask("/")[0] == 200
        end(clone, process, signal.SIGTERM)


@pytest.fixture
def another() -> Iterator[Clone]:
    with short_folder() as folder:
        clone = Clone(folder)
        clone.install()
        yield clone


@pytest.mark.restic
def test_an_upgrade_takes_a_backup_first(installed: Clone, another: Clone, tmp_path: Path) -> None:
    old = make_repository(installed)
    make_version(installed, "new", new_version(installed))
    with running(installed) as process:
        started(process)
        make_bob(installed)
        end(installed, process, signal.SIGTERM)
    password = tmp_path / "password"
    store = {"BACKUP_REPOSITORY": str(tmp_path / "store"), "BACKUP_PASSWORD_FILE": str(password)}

    # Without a backup there is no upgrade, and nothing is changed.
    done = upgrade(installed, "new", **store)
    assert done.returncode == 1
    assert "Backup failed" in done.stdout
    assert str(password) in done.stdout
    assert code_is(installed, old, "main")
    assert not (installed.root / "data/upgrades/unfinished").exists()

    password.write_text("long and random")
    done = upgrade(installed, "new", **store)
    assert done.returncode == 0, done.stdout
    assert not code_is(installed, old, "main")

    # The backup has the old state.
    restore = ["scripts/restore"]
    subprocess.run(restore, cwd=another.root, env=another.environment | store, check=True)
    assert rows(another, "SELECT username FROM users") == [("bob",)]
    assert rows(another, "SELECT 1 FROM sqlite_master WHERE name = 'new_version'") == []
