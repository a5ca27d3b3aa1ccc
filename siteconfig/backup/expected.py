"""The files that the database names: each app that has some registers how to list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from siteconfig.backup.errors import BackupError

if TYPE_CHECKING:
    from siteconfig.backup.restic import Restic, StoredSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFile:
    """A file that a row names. `size_bytes` and `sha256` (hexadecimal) are None while unknown.

    A file that still grows has at least `min_bytes`.
    """

    root: str
    key: str
    size_bytes: int | None = None
    sha256: str | None = None
    min_bytes: int = 0


Lister = Callable[[], Iterator[ExpectedFile]]
_listers: list[Lister] = []


def register_expected_files(lister: Lister) -> None:
    """To be called in an app's `ready`. The lister reads rows in batches, in any order."""
    if lister not in _listers:
        _listers.append(lister)


def expected_files() -> Iterator[ExpectedFile]:
    for lister in _listers:
        yield from lister()


_removals_are_at_work: list[Callable[[], bool]] = []


def register_removals(are_at_work: Callable[[], bool]) -> None:
    """To be called in an app's `ready`: whether it removes stored files at this moment. A backup
    waits for that to end before it copies the database; new removals wait for the backup."""
    if are_at_work not in _removals_are_at_work:
        _removals_are_at_work.append(are_at_work)


def removals_are_at_work() -> bool:
    return any(are_at_work() for are_at_work in _removals_are_at_work)


Restorer = Callable[["Restic", "StoredSnapshot", str], str]
_restorers: list[Restorer] = []


def register_restorer(restorer: Restorer) -> None:
    """To be called in an app's `ready`: brings one thing back from a backup into the live site, by
    the id that its address shows, and returns a sentence. Raises BackupError."""
    if restorer not in _restorers:
        _restorers.append(restorer)


def restore_one(restic: Restic, snapshot: StoredSnapshot, short_id: str) -> str:
    """Raises BackupError, and that when no app can bring back single things."""
    if not _restorers:
        raise BackupError("Nothing can be brought back alone.")
    return _restorers[0](restic, snapshot, short_id)
