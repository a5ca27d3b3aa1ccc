"""Tasks about the whole site that the task queue calls. Arguments are primitive types."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from siteconfig.backup.errors import BackupError
from siteconfig.backup.running import back_up_when_due
from siteconfig.backup.runs import BackupBusyError
from siteconfig.services import backups, doctor

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def take_nightly_backup() -> bool:
    """Takes the nightly backup if it is due. Runs every hour. Returns whether it was taken."""
    return _take_backup(back_up_when_due)


def take_requested_backup() -> bool:
    """Takes the backup that an admin requested on the page. Returns whether it was taken."""
    return _take_backup(backups.take_requested_backup)


def _take_backup(take: Callable[[], bool]) -> bool:
    try:
        return take()
    except BackupBusyError:
        logger.info("no backup was started: another one is being taken")
        return False
    except BackupError as error:
        logger.error("the backup failed: %s\n%s", error, error.detail)  # noqa: TRY400
        return False


def run_doctor() -> int:
    """Runs the doctor without repairs. Runs daily. Returns the number of findings."""
    return doctor.run_doctor().found


def run_requested_doctor(run_id: int) -> None:
    """Runs the doctor as an admin requested on its page."""
    doctor.run_requested(run_id)
