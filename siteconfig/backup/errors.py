"""Errors of backups, and the mapping of restic's messages to them."""

from __future__ import annotations

import re
from typing import Final

MAX_ERROR_CHARACTERS: Final = 2000
# The password in addresses such as rest:https://user:password@host/.
_LOGIN: Final = re.compile(r"(//[^/:@\s]*):[^/\s]*@")


class BackupError(Exception):
    """A backup or restore failed.

    `sentence` says what went wrong and what to do. `detail` is the output of restic or PostgreSQL.
    """

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail


class NoRepositoryError(BackupError):
    """BACKUP_REPOSITORY does not contain a repository."""


class WrongPasswordError(BackupError):
    """The password file does not open the repository."""


class IncompleteBackupError(BackupError):
    """Some files could not be read."""


class NotInBackupError(BackupError):
    """The backup has no file at this path."""


class RepositoryLockedError(BackupError):
    """Another restic process works on the repository."""


def hide_login(text: str) -> str:
    """Replaces the passwords in addresses of repositories in a text with ***."""
    return _LOGIN.sub(r"\1:***@", text)


def error_of(output: str, failure: str) -> BackupError:
    """Returns the error for restic's error output. Its exit code is 1 for all of these errors.

    Args:
        failure: a sentence that says what failed.
    """
    # restic hides passwords in only some of its messages, and staff can read them.
    detail = hide_login(output).strip()[-MAX_ERROR_CHARACTERS:]
    if "wrong password" in output:
        return WrongPasswordError(
            "The password file does not open the backup repository. Use the file that the "
            "repository was created with.",
            detail=detail,
        )
    if "Is there a repository" in output or "repository does not exist" in output:
        return NoRepositoryError(
            "There is no backup repository at BACKUP_REPOSITORY. Check the address, and that the "
            "disk is mounted.",
            detail=detail,
        )
    if "not found in snapshot" in output:
        return NotInBackupError(f"{failure} The backup does not contain it.", detail=detail)
    if "already locked" in output:
        return RepositoryLockedError(
            "Another restic process is using the backup repository. Wait for it to end, then try "
            "again.",
            detail=detail,
        )
    if "no space left on device" in output.lower() or "disk quota exceeded" in output.lower():
        return BackupError(
            f"{failure} The disk is full. Free some space, then try again.", detail=detail
        )
    last = detail.splitlines()[-1] if detail else "it printed no reason"
    return BackupError(f"{failure} restic said: {last}", detail=detail)
