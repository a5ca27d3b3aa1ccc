"""A restore that has begun to change the site: a note of it, so that a rerun can finish it.

Until everything of a backup has been fetched nothing is changed. Then this note is written, what is
there is moved aside, and the backup is moved in. Each of these steps may be cut off and run again.
While the note is there, scripts/run does not start and no backup is taken.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from clipset.lib.durable import sync
from siteconfig.backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "restore-unfinished.json"  # scripts/run looks for it, too
HOLDER: Final = "restore"  # what scripts/run reads in its lock


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedRestore:
    """`snapshot` is the backup's id, `staging` its folder for the database in its host's paths.

    `works` are the folders with what was fetched, by root. `aside` is where what was there goes,
    "" when the place was empty; `is_aside` says that all of it is there.
    """

    snapshot: str
    staging: str
    works: dict[str, str]
    aside: str
    is_aside: bool = False

    @property
    def staged(self) -> Path:
        """The folder with the copy of the database and the manifest."""
        return Path(self.works["staging"]) / self.staging.lstrip("/")

    @property
    def work_folders(self) -> dict[str, Path]:
        return {name: Path(folder) for name, folder in self.works.items()}


def read_unfinished() -> UnfinishedRestore | None:
    """Raises BackupError when the note cannot be read."""
    try:
        return UnfinishedRestore(**json.loads(_file().read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{_file()} cannot be read: {error}") from error


def write_unfinished(restore: UnfinishedRestore) -> None:
    file = _file()
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(asdict(restore)))
    sync(part)
    part.replace(file)
    sync(file.parent)


def all_is_aside(restore: UnfinishedRestore) -> UnfinishedRestore:
    """Records that the old site has been moved away, so that all files there are the backup's."""
    done = replace(restore, is_aside=True)
    write_unfinished(done)
    return done


def forget_unfinished() -> None:
    _file().unlink(missing_ok=True)
    sync(_file().parent)


def refuse_while_unfinished() -> None:
    """For what must not use a site of which one half is the backup's. Raises BackupError."""
    if _file().exists():
        raise BackupError(
            "A restore into this folder was not finished. Run scripts/restore again: it goes on "
            "where it stopped."
        )


@contextmanager
def stopped_site() -> Iterator[None]:
    """Holds the lock of scripts/run, so that nobody starts the site meanwhile.

    Raises BackupError when the site runs, or another restore.
    """
    lock_file = _data() / "run" / "lock"
    lock_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            if lock.read() == HOLDER:
                sentence = "A restore is at work in this folder already. Wait for it to end."
            else:
                sentence = "The site is running in this folder. Stop it, then restore again."
            raise BackupError(sentence) from error
        lock.truncate(0)
        lock.write(HOLDER)
        lock.flush()
        yield


def _data() -> Path:
    return Path(settings.BASE_DIR) / "data"


def _file() -> Path:
    return _data() / NAME
