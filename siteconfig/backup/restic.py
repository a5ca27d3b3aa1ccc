"""Runs restic (https://restic.readthedocs.io), which stores the backups. Needs no Django.

Works with restic 0.14 (Debian 12) and later. 0.14 has no --retry-lock and no `latest:folder`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from siteconfig.backup.errors import (
    MAX_ERROR_CHARACTERS,
    BackupError,
    IncompleteBackupError,
    NoRepositoryError,
    RepositoryLockedError,
    error_of,
)
from siteconfig.backup.restic_output import (
    BackupProgress,
    BackupSummary,
    StoredSnapshot,
    parse_line,
    parse_progress,
    parse_snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Environment variables that restic needs for repositories on SFTP, S3 and so on.
PASSED_ON: Final = ("PATH", "HOME", "SSH_AUTH_SOCK", "TMPDIR", "SSL_CERT_FILE", "LANG")
PASSED_ON_PREFIXES: Final = ("AWS_", "B2_", "AZURE_", "GOOGLE_", "OS_", "ST_", "RCLONE_", "RESTIC_")
# Variables that would contradict the site's settings, which restic refuses.
REPLACED_BY_SETTINGS: Final = (
    "RESTIC_PASSWORD",
    "RESTIC_PASSWORD_COMMAND",
    "RESTIC_REPOSITORY_FILE",
)
SOME_FILES_UNREADABLE: Final = 3  # an exit code of `restic backup`
TICK_SECONDS: Final = 1.0
MAX_LOCKED_SECONDS: Final = 60.0
T = TypeVar("T")
# With low priority, and ended by the kernel when the process that started it ends.
COMMAND: Final = ("nice", "-n", "10", "setpriv", "--pdeathsig", "INT", "--", "restic")


class Restic:
    """A repository and the file with its password."""

    def __init__(
        self,
        *,
        repository: str,
        password_file: Path,
        cache: Path,
        tick: Callable[[], None] = lambda: None,
        max_locked_seconds: float = MAX_LOCKED_SECONDS,
    ) -> None:
        """Checks the settings of the repository.

        Args:
            tick: called about every second while restic runs. An exception in it ends restic.
            max_locked_seconds: how long to wait for a repository that another process has locked.

        Raises: BackupError if a setting, the password file or restic itself is missing.
        """
        self._max_locked_seconds = max_locked_seconds
        if not repository:
            raise BackupError(
                "BACKUP_REPOSITORY is not set. Set it to a folder or to an SFTP or S3 address."
            )
        if not password_file.is_file():
            raise BackupError(
                f"The backup's password file {password_file} does not exist. Create it with a long "
                "random password, keep a copy of it somewhere else, and set BACKUP_PASSWORD_FILE."
            )
        if shutil.which("restic") is None:
            raise BackupError("restic is not installed. Run: apt-get install restic")
        self._tick = tick
        self._environment = _environment(repository, password_file, cache)

    # -- repository ---------------------------------------------------------------------------

    def exists(self) -> bool:
        """Returns whether the repository exists. Raises: BackupError if this can't be found out."""
        try:
            self._run("cat", "config", "--no-lock")
        except NoRepositoryError:
            return False
        return True

    def create(self) -> None:
        self._run("init")

    def unlock_stale(self) -> None:
        """Removes the locks of processes that have ended. restic recognizes them."""
        self._run("unlock")

    def snapshots(self, *, tag: str = "") -> list[StoredSnapshot]:
        """Returns the backups with the tag, or all of them, oldest first."""
        options = ("--tag", tag) if tag else ()
        found = json.loads(self._run("snapshots", "--json", "--no-lock", *options)) or []
        return sorted((parse_snapshot(each) for each in found), key=lambda each: each.time)

    def check(self, *, subset: str | None) -> None:
        """Checks the structure of the repository and a part of its data.

        Args:
            subset: the part of the data, such as "3/30"; None for all of it.

        Raises: BackupError if something in the repository is damaged.
        """
        data = "--read-data" if subset is None else f"--read-data-subset={subset}"
        failure = "The check found damage in the backup repository."
        self._patiently(lambda: self._run("check", data, failure=failure))

    def forget(self, *, tag: str, keep: dict[str, str]) -> None:
        """Removes old backups with the tag, and the data that no other backup needs.

        Args:
            keep: how many to keep by restic's periods, such as {"daily": "7", "weekly": "4"}.
        """
        kept = [option for period, n in keep.items() for option in (f"--keep-{period}", n)]
        # Without grouping. By default, a changed list of folders would begin a new group, and
        # the snapshots of the old group would be kept for ever.
        command = ("forget", "--prune", "--group-by", "", "--tag", tag, *kept)
        self._patiently(lambda: self._run(*command))

    # -- backup and restore -------------------------------------------------------------------

    def backup(
        self,
        paths: Sequence[Path],
        *,
        tag: str,
        host: str,
        excludes: Sequence[str] = (),
        on_progress: Callable[[BackupProgress], None] | None = None,
    ) -> BackupSummary:
        """Back up some folders (absolute paths).

        The caller must check that each folder exists, since restic skips missing ones.

        Raises: BackupError, also if some files couldn't be read.
        """
        command = ["backup", "--json", "--tag", tag, "--host", host]
        for pattern in excludes:
            command += ["--exclude", pattern]
        command += ["--", *map(str, paths)]
        summary = self._patiently(lambda: self._stored(command, on_progress))
        if not summary.get("snapshot_id"):
            raise BackupError("restic did not say that the backup was stored. Run it again.")
        return BackupSummary(
            snapshot_id=summary["snapshot_id"],
            bytes_total=summary["total_bytes_processed"],
            bytes_added=summary["data_added"],
            files_total=summary["total_files_processed"],
        )

    def _stored(
        self, command: Sequence[str], on_progress: Callable[[BackupProgress], None] | None
    ) -> dict[str, Any]:
        """Runs `restic backup` and returns its summary.

        Raises: BackupError. An incomplete backup has been removed from the repository then.
        """
        summary: dict[str, Any] = {}
        try:
            with self._started(*command) as lines:
                for line in lines:
                    message = parse_line(line)
                    if message.get("message_type") == "status" and on_progress is not None:
                        on_progress(parse_progress(message))
                    elif message.get("message_type") == "summary":
                        summary = message
        except IncompleteBackupError:
            # restic has stored it anyway, and a restore would use it as the newest backup.
            if summary.get("snapshot_id"):
                self._run("forget", summary["snapshot_id"])
            raise
        return summary

    def read_file(self, snapshot_id: str, path: str) -> bytes:
        """Returns the content of a backup's small file. Raises: NotInBackupError, BackupError."""
        failure = f"{path} can't be read from this backup."
        return self._run("dump", "--no-lock", snapshot_id, path, failure=failure)

    def file_paths(self, snapshot_id: str) -> set[str]:
        """Returns the absolute paths of the files in a backup, without symbolic links."""
        lines = self._run("ls", "--json", "--no-lock", snapshot_id).decode().splitlines()
        return {node["path"] for node in map(parse_line, lines) if node.get("type") == "file"}

    def size_of(self, snapshot_id: str) -> int:
        """Returns the number of bytes that a restore of the whole backup writes."""
        answer = self._run("stats", "--json", "--no-lock", "--mode", "restore-size", snapshot_id)
        return int(json.loads(answer)["total_size"])

    def restore(
        self,
        snapshot_id: str,
        *,
        target: Path,
        includes: Sequence[str] = (),
        excludes: Sequence[str] = (),
    ) -> None:
        """Restores a backup into `target`, with the full paths of the original host.

        Only the `includes`, or everything but the `excludes`. restic does not accept both.

        Raises: BackupError.
        """
        options = [option for path in includes for option in ("--include", _escaped(path))]
        options += [option for path in excludes for option in ("--exclude", _escaped(path))]
        self._run(
            *("restore", "--no-lock", snapshot_id, "--target", str(target), *options),
            failure="Some files couldn't be restored.",
        )

    # -- processes ----------------------------------------------------------------------------

    def _run(self, *arguments: str, failure: str = "restic failed.") -> bytes:
        with subprocess.Popen(
            [*COMMAND, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                output, errors = self._output(process)
            except BaseException:
                process.send_signal(signal.SIGINT)
                raise
        if process.returncode:
            raise error_of(errors.decode(errors="replace"), failure)
        return output

    def _patiently(self, action: Callable[[], T]) -> T:
        """Runs a function, and repeats it while another process has locked the repository.

        A process that was killed still holds its lock until its parent has waited for it, since the
        kernel lists it until then.
        """
        deadline = time.monotonic() + self._max_locked_seconds
        while True:
            try:
                return action()
            except RepositoryLockedError:
                if time.monotonic() > deadline:
                    raise
            self._tick()
            time.sleep(TICK_SECONDS)
            self.unlock_stale()

    def _output(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        while True:
            try:
                return process.communicate(timeout=TICK_SECONDS)
            except subprocess.TimeoutExpired:
                self._tick()

    @contextmanager
    def _started(self, *arguments: str) -> Iterator[IO[str]]:
        """Yields the lines that restic prints while it runs. Stops restic if the block raises.

        Raises: BackupError at the end if restic failed.
        """
        with subprocess.Popen(
            [*COMMAND, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            errors: list[str] = []
            # A second thread reads the errors: a full pipe would block restic.
            reader = threading.Thread(target=errors.extend, args=(process.stderr,))
            reader.start()
            try:
                yield process.stdout
            except BaseException:
                process.send_signal(signal.SIGINT)
                raise
            finally:
                process.wait()
                reader.join()
        if process.returncode == SOME_FILES_UNREADABLE:
            sentence = "Some files couldn't be read, so no backup was stored."
            raise IncompleteBackupError(sentence, detail="".join(errors)[-MAX_ERROR_CHARACTERS:])
        if process.returncode:
            raise error_of("".join(errors), "The backup failed.")


def _environment(repository: str, password_file: Path, cache: Path) -> dict[str, str]:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    for name in REPLACED_BY_SETTINGS:
        passed.pop(name, None)
    return passed | {
        "RESTIC_REPOSITORY": repository,
        "RESTIC_PASSWORD_FILE": str(password_file),
        "RESTIC_CACHE_DIR": str(cache),
        "RESTIC_PROGRESS_FPS": "1",
    }


def _escaped(path: str) -> str:
    """Returns a pattern that matches only this path (Go's filepath.Match)."""
    return "".join(f"\\{each}" if each in "*?[\\" else each for each in path)
