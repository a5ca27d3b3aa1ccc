"""What the workers do for the site as a whole. Takes primitives, fetches, delegates."""

from __future__ import annotations

import logging

from siteconfig.backup.restic import BackupError
from siteconfig.backup.running import back_up_when_due
from siteconfig.services import doctor

logger = logging.getLogger(__name__)


def take_nightly_backup() -> bool:
    """Every hour: takes the backup of the night when it is due. Returns whether it was taken."""
    try:
        return back_up_when_due()
    except BackupError as error:
        logger.error("the nightly backup failed: %s\n%s", error, error.detail)  # noqa: TRY400
        return False


def run_doctor() -> int:
    """Daily: looks and mends nothing. Returns how many findings there are."""
    return doctor.run_doctor().found


def run_requested_doctor(run_id: int) -> None:
    """What an admin asked for on the doctor's page."""
    doctor.run_requested(run_id)
