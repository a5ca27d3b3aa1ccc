"""What the task queue calls for the site as a whole."""

from __future__ import annotations

import logging

from siteconfig.backup.restic import BackupError
from siteconfig.backup.running import back_up_when_due

logger = logging.getLogger(__name__)


def take_nightly_backup() -> bool:
    """Every hour: takes the backup of the night when it is due. Returns whether it was taken."""
    try:
        return back_up_when_due()
    except BackupError as error:
        logger.error("the nightly backup failed: %s\n%s", error, error.detail)  # noqa: TRY400
        return False
