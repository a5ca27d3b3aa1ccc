"""Whether a backup holds the files that rows name: restic stores a link as a link, without what it
leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipset.lib.units import plural
from siteconfig import roots
from siteconfig.backup.errors import BackupError
from siteconfig.backup.expected import expected_files

if TYPE_CHECKING:
    from pathlib import Path

    from siteconfig.backup.restic import Restic

Named = set[tuple[str, str]]


def named_files() -> Named:
    """Root and key of all that rows name. To be called before the files are read, and while
    removals wait: all of it is there until they go on."""
    return {(file.root, file.key) for file in expected_files()}


def check_completeness(
    restic: Restic, snapshot_id: str, *, named: Named, folders: dict[str, Path]
) -> None:
    """Looks for the named files in a backup. One that is missing here, too, is a matter of the
    doctor: a site that lost a file must still get its backups.

    Args:
        folders: each root's, as it was backed up.

    Raises: BackupError.
    """
    stored = restic.file_paths(snapshot_id)
    lacking = sorted(
        f"{root}/{key}"
        for root, key in named
        if f"{folders[root]}/{key}" not in stored and (roots.root_path(root) / key).is_file()
    )
    if lacking:
        raise BackupError(
            f"The backup lacks {plural(len(lacking), 'file')}, such as {lacking[0]}: a link leads "
            "there, and links are stored as links. Move the files to where the links are, or "
            "mount their disk there."
        )
