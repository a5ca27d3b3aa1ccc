"""The row of a backup: who may begin one, its lease while it runs, its progress and its end."""

from __future__ import annotations

import fcntl
import logging
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from clipset.database.clock import LEASE_SLACK
from clipset.workers.stopping import is_stopping
from clipset.workers.ticks import tick
from siteconfig.backup.errors import BackupError
from siteconfig.models import BackupRun, BackupState, BackupStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from siteconfig.backup.restic import BackupProgress

logger = logging.getLogger(__name__)

RUN_LEASE: Final = timedelta(minutes=5)
# How often a running backup writes its row: lease and progress in one small UPDATE.
RENEW_SECONDS: Final = 5.0
# A row that was not written for so long belongs to a process that was killed. The lease is longer,
# since a busy database is no reason to give a backup up.
MAX_SILENCE: Final = timedelta(minutes=1)
KILLED: Final = (
    "The backup was interrupted: its process was killed, or the machine went down. The next one "
    "goes on from what it had stored."
)


class BackupBusyError(BackupError):
    """Another backup is being taken."""


def data_folder() -> Path:
    """What backups keep on this host: the lock, restic's cache, the copy of the database."""
    return Path(settings.BASE_DIR) / "data" / "backup"


def backup_is_running() -> bool:
    """Whether a backup is being taken: nothing may be removed. One query.

    A lease that ends later than any can was written by a clock that was ahead, and holds nothing.
    That of another host may be a little ahead of this one's.
    """
    now = timezone.now()
    latest = now + RUN_LEASE + LEASE_SLACK
    return BackupRun.objects.filter(
        state=BackupState.RUNNING, lease_until__gt=now, lease_until__lte=latest
    ).exists()


def is_alive(run: BackupRun) -> bool:
    """Whether a RUNNING row is written regularly, so that its process works.

    Only the copy of the database goes on without a write; there the lease decides.
    """
    silence = timezone.now() - (run.lease_until - RUN_LEASE)
    allowed = RUN_LEASE if run.step == BackupStep.DATABASE else MAX_SILENCE
    return run.state == BackupState.RUNNING and abs(silence) < allowed


@contextmanager
def only_one() -> Iterator[None]:
    """Holds the lock of this host's backups, which the kernel releases when a process is killed.

    Raises: BackupBusyError when another process holds it.
    """
    data_folder().mkdir(parents=True, exist_ok=True)
    with (data_folder() / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupBusyError("A backup is being taken already. Wait for it to end.") from error
        yield


def begin_run() -> BackupRun:
    """The row of the backup that begins now: the one that was asked for, or a new one.

    Ends what a killed process left RUNNING: under the lock there is no other.
    """
    now = timezone.now()
    BackupRun.objects.filter(state=BackupState.RUNNING).update(
        state=BackupState.FAILED, error=KILLED, finished_at=now
    )
    run = BackupRun.objects.filter(state=BackupState.WAITING).first() or BackupRun()
    run.state, run.step = BackupState.RUNNING, BackupStep.PREPARE
    run.repository = settings.BACKUP_REPOSITORY
    run.started_at, run.lease_until = now, now + RUN_LEASE
    run.save()
    return run


def end_run(run: BackupRun, state: BackupState, *, error: str = "") -> None:
    """The backup itself is in the repository by then: a database that does not take the row is
    logged, not an error."""
    run.state, run.error, run.finished_at = state, error, timezone.now()
    try:
        run.save()
    except DatabaseError:
        logger.warning("the end of the backup could not be recorded", exc_info=True)


class RunKeeper:
    """Shows that a backup goes on: to other processes by its row, to the guard of the workers."""

    def __init__(self, run: BackupRun, *, on_step: Callable[[BackupStep], None]) -> None:
        self._run = run
        self._on_step = on_step
        self._renewed = time.monotonic()  # by `begin_run`

    def begin_step(self, step: BackupStep) -> None:
        """Raises BackupError as `renew` does."""
        self._run.step, self._run.seconds_left = step, None
        self._on_step(step)
        self.renew(at_once=True)

    def note(self, progress: BackupProgress) -> None:
        """Raises BackupError as `renew` does."""
        self._run.bytes_done = progress.bytes_done
        self._run.bytes_total = progress.bytes_total
        self._run.seconds_left = progress.seconds_left
        self.renew()

    def renew(self, *, at_once: bool = False) -> None:
        """Extends the lease and writes the progress, at most once in RENEW_SECONDS unless
        `at_once`. A busy database is no reason to stop: the lease is long.

        Raises BackupError when the workers are stopped, and when the lease was lost: files may
        have been removed since.
        """
        tick()
        if is_stopping():
            raise BackupError(
                "The backup was stopped with the workers. The next one goes on from it."
            )
        now = time.monotonic()
        if not at_once and now - self._renewed < RENEW_SECONDS:
            return
        run, moment = self._run, timezone.now()
        rows = BackupRun.objects.filter(
            pk=run.pk, state=BackupState.RUNNING, lease_until__gt=moment
        )
        try:
            renewed = rows.update(
                lease_until=moment + RUN_LEASE,
                step=run.step,
                bytes_done=run.bytes_done,
                bytes_total=run.bytes_total,
                seconds_left=run.seconds_left,
            )
        except DatabaseError:
            logger.warning("the lease of the backup could not be renewed", exc_info=True)
            return
        if not renewed:
            raise BackupError(
                "The backup was given up: for minutes it could not say that it runs. Look for a "
                "database or a disk that is too busy; the next one goes on from what it had stored."
            )
        run.lease_until, self._renewed = moment + RUN_LEASE, now
