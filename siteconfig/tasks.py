"""What the workers do for the site as a whole. Takes primitives, fetches, delegates."""

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
    """Every hour: takes the backup of the night when it is due. Returns whether it was taken."""
    return _take_backup(back_up_when_due)


def take_requested_backup() -> bool:
    """What an admin asked for on the page of backups. Returns whether it was taken."""
    return _take_backup(backups.take_requested_backup)


def _take_backup(take: Callable[[], bool]) -> bool:
    try:
        return take()
    except BackupBusyError:
        logger.info("no backup is begun: another one is being taken")
        return False
    except BackupError as error:
        logger.error("the backup failed: %s\n%s", error, error.detail)  # noqa: TRY400
        return False


def run_doctor() -> int:
    """Daily: looks and mends nothing. Returns how many findings there are."""
    return doctor.run_doctor().found


def run_requested_doctor(run_id: int) -> None:
    """What an admin asked for on the doctor's page."""
    doctor.run_requested(run_id)
