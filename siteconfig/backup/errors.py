"""What goes wrong with a backup, as sentences, and what restic's words mean."""

from __future__ import annotations

import re
from typing import Final

MAX_ERROR_CHARACTERS: Final = 2000
# rest:https://user:password@host/ and the like.
_LOGIN: Final = re.compile(r"(//[^/:@\s]*):[^/\s]*@")


class BackupError(Exception):
    """The sentence says what went wrong and what to do; `detail` is what restic said."""

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail


class NoRepositoryError(BackupError):
    """There is no repository at the address."""


class WrongPasswordError(BackupError):
    """The password file does not open the repository."""


class IncompleteBackupError(BackupError):
    """Some files could not be read."""


class NotInBackupError(BackupError):
    """The backup has no file at this path."""


class RepositoryLockedError(BackupError):
    """Another restic process works on the repository."""


def hide_login(text: str) -> str:
    """The text without the passwords that addresses of repositories in it hold."""
    return _LOGIN.sub(r"\1:***@", text)


def error_of(said: str, failure: str) -> BackupError:
    """The error that restic's words mean. Its exit code is 1 for all of them."""
    # restic hides the password of an address in some of its errors only; staff read them.
    detail = hide_login(said).strip()[-MAX_ERROR_CHARACTERS:]
    if "wrong password" in said:
        return WrongPasswordError(
            "The password file does not open the backup repository. Use the file it was created "
            "with.",
            detail=detail,
        )
    if "Is there a repository" in said or "repository does not exist" in said:
        return NoRepositoryError(
            "There is no backup repository at BACKUP_REPOSITORY. Check the address, and that the "
            "disk is mounted.",
            detail=detail,
        )
    if "not found in snapshot" in said:
        return NotInBackupError(f"{failure} The backup does not hold it.", detail=detail)
    if "already locked" in said:
        return RepositoryLockedError(
            "Another restic process is using the backup repository. Wait for it to end, then run "
            "this again.",
            detail=detail,
        )
    if "no space left on device" in said.lower() or "disk quota exceeded" in said.lower():
        return BackupError(
            f"{failure} The disk is full. Free some space, then run this again.", detail=detail
        )
    last = detail.splitlines()[-1] if detail else "it gave no reason"
    return BackupError(f"{failure} restic said: {last}", detail=detail)
