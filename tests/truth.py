"""Checks that a restored site equals its backup: every row, every byte, and all acknowledgements.

The site runs while it is backed up, so there are three references: rows from the copy of the
database in the repository; bytes from hard links to every file that the site ever had, because
files never change under their names; and what the site had acknowledged to members before the
backup began.
"""

from __future__ import annotations

import filecmp
import os
import re
import sqlite3
import subprocess
import threading
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from siteconfig.roots import MARKER
from tests.postgresql import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Tables = dict[str, list[str]]

# Tables that a restore changes: tasks are only wake-ups, in its copy a backup is RUNNING, and the
# restore itself is recorded.
CHANGED: Final = frozenset({"django_q_ormq", "backup_runs", "audit_entries"})
_COPY: Final = re.compile(r"COPY (\S+) \(.*\) FROM stdin;\n((?:.*\n)*?)\\\.\n")
_SEQUENCE: Final = re.compile(r"SELECT pg_catalog\.setval\((.*)\);")


# -- rows -----------------------------------------------------------------------------------------


def stored_tables(store: Mapping[str, str], snapshot: str, folder: Path) -> Tables:
    """Restores the database of a backup into the folder. Returns its rows by table."""
    listed = _restic(store, "ls", snapshot).decode().splitlines()
    [path] = [line for line in listed if re.search(r"/staging/clipset\.(db|pgdump)$", line)]
    copy = folder / Path(path).name
    copy.write_bytes(_restic(store, "dump", snapshot, path))
    return sqlite_tables(copy) if copy.suffix == ".db" else _postgresql_tables("pg_restore", copy)


def tables_of(url: str) -> Tables:
    """Returns the rows of a site's database by table."""
    if url.startswith("sqlite:///"):
        return sqlite_tables(Path(unquote(url.removeprefix("sqlite:///"))))
    where = parameters(url)
    options = [f"--host={where['host']}", f"--username={where['user']}", where["dbname"]]
    return _postgresql_tables("pg_dump", *options)


def sqlite_tables(file: Path) -> Tables:
    with closing(sqlite3.connect(file)) as database:
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name: sorted(map(repr, database.execute(f'SELECT * FROM "{name}"')))  # noqa: S608
            for name in names
        }


def _postgresql_tables(program: str, *arguments: str | Path) -> Tables:
    """Returns rows by table, and the sequences as one more table."""
    said = subprocess.run(
        [program, "--data-only", "--file=-", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a hint about tables that refer to each other
        text=True,
    ).stdout
    found = {
        name.removeprefix("public."): sorted(rows.splitlines())
        for name, rows in _COPY.findall(said)
    }
    return found | {"sequences": sorted(_SEQUENCE.findall(said))}


def _restic(store: Mapping[str, str], *arguments: str) -> bytes:
    where = ["-r", store["BACKUP_REPOSITORY"], "-p", store["BACKUP_PASSWORD_FILE"]]
    return subprocess.check_output(["restic", *where, "--no-lock", *arguments])


def check_rows(stored: Tables, restored: Tables) -> int:
    """Returns how many rows are the same in both."""
    assert stored.keys() == restored.keys()
    stored, restored = _without_entry_numbers(stored), _without_entry_numbers(restored)
    differ = {name for name in stored if stored[name] != restored[name]}
    assert differ <= CHANGED, {
        name: sorted(set(stored[name]) ^ set(restored[name]))[:4] for name in differ - CHANGED
    }
    assert restored["django_q_ormq"] == []
    assert len(restored["backup_runs"]) == len(stored["backup_runs"])
    assert "RUNNING" in "".join(stored["backup_runs"])
    assert "RUNNING" not in "".join(restored["backup_runs"])
    added = set(restored["audit_entries"]) - set(stored["audit_entries"])
    assert set(stored["audit_entries"]) <= set(restored["audit_entries"])
    assert ["backup.restore" in entry for entry in added] == [True], added
    return sum(len(rows) for name, rows in stored.items() if name not in CHANGED)


def _without_entry_numbers(tables: Tables) -> Tables:
    """Leaves out the last number of the audit log, since the restore adds an entry to it."""
    return tables | {
        name: [row for row in tables[name] if "audit_entries" not in row]
        for name in ("sqlite_sequence", "sequences")
        if name in tables
    }


# -- files ----------------------------------------------------------------------------------------


class Keeper(threading.Thread):
    """Hard-links each file that appears in a media folder, so that its bytes outlast a deletion.

    The folder for the links has to be on the same disk.
    """

    EVERY = 0.02  # seconds

    def __init__(self, media: Path, kept: Path) -> None:
        super().__init__(daemon=True)
        self.media = media
        self.kept = kept
        self._known: set[tuple[str, int]] = set()
        self._versions: dict[str, list[Path]] = defaultdict(list)
        self._over = threading.Event()
        kept.mkdir()

    def run(self) -> None:
        while not self._over.wait(self.EVERY):
            self._look()

    def end(self) -> None:
        self._over.set()
        self.join()
        self._look()

    def versions(self, name: str) -> list[Path]:
        """Returns the versions of the file with this path below the media folder, oldest first."""
        return self._versions[name]

    def _look(self) -> None:
        for name, inode in _files(self.media):
            if (name, inode) in self._known:
                continue
            link = self.kept / str(len(self._known))
            with suppress(FileNotFoundError):
                os.link(self.media / name, link)
                self._known.add((name, link.stat().st_ino))
                self._versions[name].append(link)


def _files(media: Path) -> Iterable[tuple[str, int]]:
    """Returns paths below the folder with their inodes, without the folders of attempts."""
    for where, folders, files in os.walk(media):
        folders[:] = [name for name in folders if not name.startswith("job-")]
        for name in files:
            path = os.path.join(where, name)  # noqa: PTH118 by the thousands, all the time
            if name != MARKER:
                with suppress(FileNotFoundError):
                    yield os.path.relpath(path, media), os.lstat(path).st_ino


def check_files(keeper: Keeper, restored: Path) -> int:
    """Compares every byte of every restored file. Returns how many bytes were the same.

    A file that was still being uploaded may be shorter than it is now.
    """
    compared = 0
    for name, _ in _files(restored):
        path = restored / name
        size = path.stat().st_size
        compared += size
        assert any(_begins_with(version, path, size) for version in keeper.versions(name)), name
    return compared


def _begins_with(version: Path, path: Path, size: int) -> bool:
    if version.stat().st_size == size:
        return filecmp.cmp(version, path, shallow=False)
    is_upload = "/temp/upload-" in str(path)
    if not is_upload or version.stat().st_size < size:
        return False
    with version.open("rb") as whole:
        return whole.read(size) == path.read_bytes()


# -- acknowledgements -----------------------------------------------------------------------------


@dataclass
class Told:
    """What members asked for and what the site acknowledged: short ids of videos, texts."""

    uploaded: set[str] = field(default_factory=set)
    commented: set[str] = field(default_factory=set)
    asked_to_delete: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def copy(self) -> Told:
        return Told(
            set(self.uploaded), set(self.commented), set(self.asked_to_delete), set(self.deleted)
        )


def check_told(before: Told, after: Told, videos: set[str], comments: set[str]) -> None:
    """Checks acknowledgements: `before` when the backup began, `after` when it had ended.

    The text of a comment begins with the short id of its video.
    """
    assert before.uploaded - after.asked_to_delete <= videos
    assert not before.deleted & videos
    kept = {text for text in before.commented if text.split()[0] not in after.asked_to_delete}
    assert kept <= comments
