"""Runs scripts/backup and scripts/restore of running sites."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.processes import wait_for

if TYPE_CHECKING:
    from tests.scripts.conftest import Clone


def store_in(folder: Path) -> dict[str, str]:
    """Returns settings for a new repository that keeps several backups of a day."""
    (folder / "password").write_text("long and random")
    return {
        "BACKUP_REPOSITORY": str(folder / "store"),
        "BACKUP_PASSWORD_FILE": str(folder / "password"),
        "BACKUP_KEEP": "last=50",
    }


def run(clone: Clone, script: str, *arguments: str, **environment: str) -> str:
    """Runs a script that has to succeed. Returns its output."""
    done = subprocess.run(
        [script, *arguments],
        cwd=clone.root,
        env=clone.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def snapshot_of(said: str) -> str:
    """Returns the id of the backup from the output of scripts/backup."""
    found = re.search(r"^Backup ([0-9a-f]{8}): ", said, re.MULTILINE)
    assert found, said
    return found[1]


def kill_a_backup(clone: Clone, store: dict[str, str], at: int = 1) -> None:
    """Starts a backup and kills it once the repository has at least `at` bytes of data."""
    data = Path(store["BACKUP_REPOSITORY"]) / "data"
    with subprocess.Popen(
        ["scripts/backup"],
        cwd=clone.root,
        env=clone.environment | store,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        wait_for(lambda: _size(data) >= at, seconds=300, name="data in its repository")
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # renamed meanwhile
            if path.is_file():
                total += path.stat().st_size
    return total
