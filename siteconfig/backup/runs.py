"""The row of a running backup: its lock, lease, progress and end."""

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

    from siteconfig.backup.restic_output import BackupProgress

logger = logging.getLogger(__name__)

RUN_LEASE: Final = timedelta(minutes=5)
# How often a running backup writes its row: lease and progress in one small UPDATE.
RENEW_SECONDS: Final = 5.0
# A row that was not written for so long belongs to a process that was killed. The lease is longer,
# so that a busy database does not end a backup.
MAX_SILENCE: Final = timedelta(minutes=1)
KILLED: Final = (
    "The backup was interrupted: its process was killed, or the machine went down. The next one "
    "continues from what it had stored."
)
ALREADY_RUNNING: Final = "A backup is already running. Wait for it to end."


class BackupBusyError(BackupError):
    """Another backup waits or is running."""


def data_folder() -> Path:
    """Returns the folder of backups on this host: lock, restic's cache, copy of the database."""
    return Path(settings.BASE_DIR) / "data" / "backup"


def backup_is_running() -> bool:
    """Returns whether a backup is running, so that no file may be removed. One query.

    A lease that ends later than a new one would was written while the clock was ahead, and does not
    count. Another host's clock may be ahead by LEASE_SLACK.
    """
    now = timezone.now()
    latest = now + RUN_LEASE + LEASE_SLACK
    return BackupRun.objects.filter(
        state=BackupState.RUNNING, lease_until__gt=now, lease_until__lte=latest
    ).exists()


def is_alive(run: BackupRun) -> bool:
    """Returns whether the process of a RUNNING row works, that is, writes the row regularly.

    While it copies the database it does not write the row. Then the lease decides.
    """
    silence = timezone.now() - (run.lease_until - RUN_LEASE)
    allowed = RUN_LEASE if run.step == BackupStep.DATABASE else MAX_SILENCE
    return run.state == BackupState.RUNNING and abs(silence) < allowed


@contextmanager
def only_one() -> Iterator[None]:
    """Holds the lock of this host's backups. The kernel releases it when a process is killed.

    Raises: BackupBusyError if another process holds it.
    """
    data_folder().mkdir(parents=True, exist_ok=True)
    with (data_folder() / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupBusyError(ALREADY_RUNNING) from error
        yield


def begin_run() -> BackupRun:
    """Returns the row of the backup that begins now: the requested one, or a new one.

    To be called under the lock. A row that is still RUNNING was left by a killed process, and is
    set to FAILED.
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
    """Writes the end of a backup.

    A failure of the database is logged but not raised, since the backup itself may have succeeded.
    """
    run.state, run.error, run.finished_at = state, error, timezone.now()
    try:
        run.save()
    except DatabaseError:
        logger.warning("the end of the backup could not be recorded", exc_info=True)


class RunKeeper:
    """Records that a backup is running, in its row and for the guard of the workers."""

    def __init__(self, run: BackupRun, *, on_step: Callable[[BackupStep], None]) -> None:
        self._run = run
        self._on_step = on_step
        self._renewed = time.monotonic()  # `begin_run` has just written the row

    def begin_step(self, step: BackupStep) -> None:
        """Records the beginning of a step. Raises: BackupError like `renew`."""
        self._run.step, self._run.seconds_left = step, None
        self._on_step(step)
        self.renew(at_once=True)

    def note(self, progress: BackupProgress) -> None:
        """Records the progress. Raises: BackupError like `renew`."""
        self._run.bytes_done = progress.bytes_done
        self._run.bytes_total = progress.bytes_total
        self._run.seconds_left = progress.seconds_left
        self.renew()

    def renew(self, *, at_once: bool = False) -> None:
        """Extends the lease and writes the progress, every RENEW_SECONDS or `at_once`.

        A failure of the database is ignored as long as the lease lasts.

        Raises: BackupError if the workers are being stopped, or if the lease has expired: files may
        have been removed since.
        """
        tick()
        if is_stopping():
            raise BackupError(
                "The backup was stopped together with the workers. The next one continues from "
                "what it had stored."
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
                "The backup was stopped because it couldn't write to the database for minutes. "
                "Check whether the database or its disk is overloaded. The next backup continues "
                "from what this one had stored."
            )
        run.lease_until, self._renewed = moment + RUN_LEASE, now
