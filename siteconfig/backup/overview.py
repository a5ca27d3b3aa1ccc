"""Data of the page Backups. It reads only the database, since restic can take seconds or hang."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings

from siteconfig.backup.errors import BackupError, hide_login
from siteconfig.backup.running import last_due, nightly_is_taken, repository
from siteconfig.backup.runs import is_alive
from siteconfig.models import BackupRun, BackupState
from siteconfig.services.cluster_heartbeats import STALE_SECONDS, cluster_ages

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT: Final = 8  # characters of a snapshot's short id


@dataclass(frozen=True, slots=True)
class Stored:
    """A backup in the repository, and the row of its run if that is known."""

    id: str
    time: datetime
    run: BackupRun | None

    @property
    def short_id(self) -> str:
        return self.id[:SHORT]


@dataclass(frozen=True, slots=True)
class Command:
    """A restore command to copy."""

    name: str
    text: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """State of the backups.

    `problem` is a sentence if backups are set up but cannot be taken on this host. `active` is a
    run that waits or runs; `killed` is one that is RUNNING although its process has ended.
    `next_at` is when the next nightly backup is due; it is in the past if that has not been taken
    yet. `listed_at` is the time of the list `stored` (newest first), or None if there is no
    complete backup.
    """

    is_set_up: bool
    problem: str
    active: BackupRun | None
    killed: BackupRun | None
    last: BackupRun | None
    failed: BackupRun | None
    next_at: datetime
    is_late: bool
    stored: list[Stored]
    listed_at: datetime | None
    workers_are_away: bool

    @property
    def failed_since(self) -> bool:
        """Whether the last attempt failed."""
        if self.failed is None or self.last is None:
            return self.failed is not None
        return self.failed.started_at > self.last.started_at


def overview() -> Overview:
    """Returns the state of the backups. At most eight queries, for any number of backups."""
    problem = ""
    try:
        repository()
    except BackupError as error:
        problem = error.sentence
    runs = BackupRun.objects.select_related("requested_by")
    waiting = runs.filter(state=BackupState.WAITING).first()
    running = runs.filter(state=BackupState.RUNNING).first()
    alive = running if running is not None and is_alive(running) else None
    last = runs.filter(state=BackupState.DONE).first()
    due, is_taken = last_due(), nightly_is_taken()
    stored, listed_at = _stored()
    age = cluster_ages()[settings.TRANSCODE_CLUSTER]
    return Overview(
        is_set_up=bool(settings.BACKUP_REPOSITORY),
        problem=problem,
        active=alive or waiting,
        killed=None if alive else running,
        last=last,
        failed=runs.filter(state=BackupState.FAILED).first(),
        next_at=due + timedelta(days=1) if is_taken else due,
        is_late=not is_taken,
        stored=stored,
        listed_at=listed_at,
        workers_are_away=age is None or abs(age) > STALE_SECONDS,
    )


def _stored() -> tuple[list[Stored], datetime | None]:
    """Returns the backups in the repository, newest first, and the time of the list.

    The last complete backup has listed them. Newer ones are added: those whose check failed, and
    the one that this site was restored from.
    """
    runs = BackupRun.objects.exclude(snapshot_id="")
    complete = runs.exclude(stored=None).first()
    since = runs if complete is None else runs.filter(started_at__gt=complete.started_at)
    found = [Stored(run.snapshot_id, run.started_at, run) for run in since]
    listed = (complete.stored if complete else None) or []
    known = _by_short_id(each["id"] for each in listed)
    found += [
        Stored(each["id"], datetime.fromisoformat(each["time"]), known.get(each["id"][:SHORT]))
        for each in listed
    ]
    return found, complete.finished_at if complete else None


def _by_short_id(ids: Iterable[str]) -> dict[str, BackupRun]:
    """Returns runs by the short id of their snapshot, which is all that restic 0.14 reports."""
    wanted = [name for each in ids for name in (each, each[:SHORT])]
    found = BackupRun.objects.filter(snapshot_id__in=wanted)
    return {run.snapshot_id[:SHORT]: run for run in found}


def restore_commands(snapshot: str) -> list[Command]:
    """Returns the commands for restoring the backup with this id."""
    store = shlex.quote(hide_login(settings.BACKUP_REPOSITORY))
    password = shlex.quote(str(settings.BACKUP_PASSWORD_FILE))
    return [
        Command(
            "Rehearse a restore",
            f"scripts/restore {snapshot} --rehearse /srv/clipset-rehearsal",
            "Run this in the site's folder. It restores into a new folder beside the running site.",
        ),
        Command(
            "Restore one video",
            f"scripts/restore {snapshot} --video SHORT_ID",
            "Run this in the site's folder. SHORT_ID is the end of the video's address. The site "
            "keeps running.",
        ),
        Command(
            "Restore the whole site",
            f"BACKUP_REPOSITORY={store} BACKUP_PASSWORD_FILE={password} scripts/restore {snapshot}",
            "Run this in a clean clone, on any host that reaches the repository and has the "
            "password file. Then start the site with scripts/run.",
        ),
    ]
