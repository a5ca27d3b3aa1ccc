"""Registry by which apps tell the backup about their files, removals and restorable objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from siteconfig.backup.errors import BackupError

if TYPE_CHECKING:
    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFile:
    """A file that a row names.

    `size_bytes` and `sha256` (hexadecimal) are None while they are unknown. A file that is still
    being written has at least `min_bytes`.
    """

    root: str
    key: str
    size_bytes: int | None = None
    sha256: str | None = None
    min_bytes: int = 0


Lister = Callable[[], Iterator[ExpectedFile]]
_listers: list[Lister] = []


def register_expected_files(lister: Lister) -> None:
    """Registers a function that lists an app's files. To be called in the app's `ready`.

    The function reads its rows in batches and yields the files in any order.
    """
    if lister not in _listers:
        _listers.append(lister)


def expected_files() -> Iterator[ExpectedFile]:
    for lister in _listers:
        yield from lister()


_removal_checks: list[Callable[[], bool]] = []


def register_removals(are_running: Callable[[], bool]) -> None:
    """Registers a function that returns whether an app is removing or changing stored files at this
    moment.

    To be called in the app's `ready`. A backup waits until no removals are running before it copies
    the database. New removals wait for the backup.
    """
    if are_running not in _removal_checks:
        _removal_checks.append(are_running)


def removals_are_running() -> bool:
    return any(are_running() for are_running in _removal_checks)


Restorer = Callable[["Restic", "StoredSnapshot", str], str]
_restorers: list[Restorer] = []


def register_restorer(restorer: Restorer) -> None:
    """Registers a function that restores one object from a backup to the live site.

    To be called in an app's `ready`. The function takes the id in the object's address, returns a
    sentence, and raises BackupError.
    """
    if restorer not in _restorers:
        _restorers.append(restorer)


def restore_one(restic: Restic, snapshot: StoredSnapshot, short_id: str) -> str:
    """Restores one object from a backup to the live site. Returns a sentence.

    Raises: BackupError, also if no app has registered a function for it.
    """
    if not _restorers:
        raise BackupError("This site can't restore single objects.")
    return _restorers[0](restic, snapshot, short_id)
