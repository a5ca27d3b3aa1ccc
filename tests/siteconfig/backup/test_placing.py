"""Files of a backup are moved to the storage roots, and no other files of this host are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from siteconfig.backup.errors import BackupError
from siteconfig.backup.placing import check_fetched

if TYPE_CHECKING:
    from pathlib import Path


def test_a_backup_that_holds_a_link_for_a_root_is_refused(tmp_path: Path) -> None:
    work, host = tmp_path / "work", tmp_path / "host"
    (work / "srv").mkdir(parents=True)
    host.mkdir()
    folders = {"videos": "/srv/media//videos"}
    check_fetched({"videos": work}, folders)  # a backup does not contain an empty root
    (work / "srv/media/videos").mkdir(parents=True)
    check_fetched({"videos": work}, folders)
    (work / "srv/media/videos").rmdir()
    (work / "srv/media/videos").symlink_to(host)
    with pytest.raises(BackupError, match="a link in place of /srv/media//videos"):
        check_fetched({"videos": work}, folders)
    (work / "srv/media/videos").unlink()
    (work / "srv/media").rmdir()
    (work / "srv/media").symlink_to(host)
    with pytest.raises(BackupError, match="a link in place"):
        check_fetched({"videos": work}, folders)
