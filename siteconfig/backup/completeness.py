"""Checks that a backup contains the files that the database names.

A file is missing if a symbolic link leads to it: restic stores links without their targets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import ngettext

from siteconfig import roots
from siteconfig.backup.errors import BackupError
from siteconfig.backup.expected import expected_files

if TYPE_CHECKING:
    from pathlib import Path

    from siteconfig.backup.restic import Restic

NamedFiles = set[tuple[str, str]]


def named_files() -> NamedFiles:
    """Returns root and key of all files that rows name.

    To be called before the files are backed up and while removals wait, so that none of the files
    disappears in between.
    """
    return {(file.root, file.key) for file in expected_files()}


def check_completeness(
    restic: Restic, snapshot_id: str, *, named: NamedFiles, folders: dict[str, Path]
) -> None:
    """Checks that a backup contains the named files.

    A file that is missing in the site itself is ignored: the doctor reports it, and a site that
    has lost a file must still be backed up.

    Args:
        folders: the folder of each root that was backed up.

    Raises: BackupError if the backup lacks a file.
    """
    stored = restic.file_paths(snapshot_id)
    lacking = sorted(
        f"{root}/{key}"
        for root, key in named
        if f"{folders[root]}/{key}" not in stored and (roots.root_path(root) / key).is_file()
    )
    if lacking:
        sentence = ngettext(
            "The backup lacks %(count)d file: %(first)s. A symbolic link leads to it, and links "
            "are backed up without their target. Move the file to where the link is, or mount its "
            "disk there.",
            "The backup lacks %(count)d files, such as %(first)s. Symbolic links lead to them, and "
            "links are backed up without their target. Move the files to where the links are, or "
            "mount their disk there.",
            len(lacking),
        )
        raise BackupError(sentence % {"count": len(lacking), "first": lacking[0]})
