"""A file that records an unfinished restore, so that the restore can be continued.

Nothing is changed until the whole backup has been fetched. Then this file is written, the present
site is moved aside, and the backup is moved in. Each of these steps may be interrupted and run
again. As long as the file exists, scripts/run does not start and no backup is taken.
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

NAME: Final = "restore-unfinished.json"  # scripts/run looks for it as well
HOLDER: Final = "restore"  # the content of scripts/run's lock during a restore


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedRestore:
    """State of an unfinished restore.

    `snapshot` is the backup's id, `staging` the folder of its database on the host that was backed
    up. `works` are the folders with the fetched files, by root. `aside` is the folder for the
    present site, or "" if there was none; `is_aside` is whether all of it has been moved there.
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
    """Returns the unfinished restore, if there is one. Raises: BackupError if it can't be read."""
    try:
        return UnfinishedRestore(**json.loads(_file().read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{_file()} can't be read: {error}") from error


def write_unfinished(restore: UnfinishedRestore) -> None:
    file = _file()
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(asdict(restore)))
    sync(part)
    part.replace(file)
    sync(file.parent)


def all_is_aside(restore: UnfinishedRestore) -> UnfinishedRestore:
    """Records that the old site has been moved, so that all files in its place are the backup's."""
    done = replace(restore, is_aside=True)
    write_unfinished(done)
    return done


def forget_unfinished() -> None:
    _file().unlink(missing_ok=True)
    sync(_file().parent)


def refuse_while_unfinished() -> None:
    """Checks that there is no unfinished restore. Raises: BackupError."""
    if _file().exists():
        raise BackupError(
            "A restore into this folder is unfinished. Run scripts/restore again: it continues "
            "where it stopped."
        )


@contextmanager
def stopped_site() -> Iterator[None]:
    """Holds the lock of scripts/run, so that the site cannot be started meanwhile.

    Raises: BackupError if the site or another restore is running.
    """
    lock_file = _data() / "run" / "lock"
    lock_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            if lock.read() == HOLDER:
                sentence = "A restore is already running in this folder. Wait for it to end."
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
