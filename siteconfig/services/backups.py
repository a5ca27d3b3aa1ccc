"""Backups that an admin requests on the page and a worker takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clipset.workers.task_queue import enqueue
from siteconfig.backup.errors import BackupError
from siteconfig.backup.running import repository, run_backup
from siteconfig.backup.runs import ALREADY_RUNNING, BackupBusyError, is_alive
from siteconfig.models import BackupRun, BackupState, Config
from siteconfig.services.audit import record

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

TASK: Final = "siteconfig.tasks.take_requested_backup"


def request_backup(*, requested_by: AbstractBaseUser) -> BackupRun:
    """Requests a backup from the workers. It begins when one of them is free.

    If the task is lost, the hourly schedule takes the backup (`back_up_when_due`).

    Raises:
        BackupBusyError: if a backup waits or runs.
        BackupError: if backups are not set up.
    """
    repository()
    with transaction.atomic():
        # The lock makes simultaneous requests wait, so that the second sees the first one's row.
        Config.objects.select_for_update().filter(pk=Config.SINGLETON_ID).first()
        waiting = BackupRun.objects.filter(state=BackupState.WAITING)
        if waiting.exists():
            raise BackupBusyError(
                "A backup is already waiting for a worker. It starts automatically."
            )
        running = BackupRun.objects.filter(state=BackupState.RUNNING).first()
        if running is not None and is_alive(running):
            raise BackupBusyError(ALREADY_RUNNING)
        run = BackupRun.objects.create(
            state=BackupState.WAITING,
            repository=settings.BACKUP_REPOSITORY,
            lease_until=timezone.now(),
            requested_by_id=requested_by.pk,
        )
        record("backup.request", run, name="Backup")
        enqueue(TASK, cluster=settings.TRANSCODE_CLUSTER)
    return run


def take_requested_backup() -> bool:
    """Takes the requested backup, in a worker. Returns whether there was one to take.

    Raises: BackupError. The request has then failed, unless another backup is running.
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
