"""Has a worker take a backup that an admin asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clipset.workers.task_queue import enqueue
from siteconfig.backup.errors import BackupError
from siteconfig.backup.running import repository, run_backup
from siteconfig.backup.runs import BackupBusyError, is_alive
from siteconfig.models import BackupRun, BackupState, Config

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

TASK: Final = "siteconfig.tasks.take_requested_backup"


def request_backup(*, requested_by: AbstractBaseUser) -> BackupRun:
    """Asks the workers for a backup. It begins when one of them is free; a wake-up that is lost is
    made up for by the hourly schedule (`back_up_when_due`).

    Raises: BackupBusyError while one waits or runs, BackupError when none are set up.
    """
    repository()
    with transaction.atomic():
        # Of two requests at once, the second sees the row of the first.
        Config.objects.select_for_update().filter(pk=Config.SINGLETON_ID).first()
        waiting = BackupRun.objects.filter(state=BackupState.WAITING)
        if waiting.exists():
            raise BackupBusyError("A backup waits for a worker already. It begins automatically.")
        running = BackupRun.objects.filter(state=BackupState.RUNNING).first()
        if running is not None and is_alive(running):
            raise BackupBusyError("A backup is being taken already. Wait for it to end.")
        run = BackupRun.objects.create(
            state=BackupState.WAITING,
            repository=settings.BACKUP_REPOSITORY,
            lease_until=timezone.now(),
            requested_by_id=requested_by.pk,
        )
        enqueue(TASK, cluster=settings.TRANSCODE_CLUSTER)
    return run


def take_requested_backup() -> bool:
    """In a worker: takes the backup that was asked for. Returns whether one was taken.

    Raises BackupError; what was asked for does not wait on then, unless another one runs.
    """
    waiting = BackupRun.objects.filter(state=BackupState.WAITING)
    if not waiting.exists():
        return False
    try:
        run_backup()
    except BackupBusyError:
        raise
    except BackupError as error:
        waiting.update(state=BackupState.FAILED, error=error.sentence, finished_at=timezone.now())
        raise
    return True
