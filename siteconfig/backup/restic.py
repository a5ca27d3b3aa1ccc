"""Runs restic (https://restic.readthedocs.io), which stores the backups. Knows no Django.

Written for restic 0.14 (Debian 12) and later: 0.14 has no --retry-lock and no `latest:folder`.
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
from dataclasses import dataclass
from datetime import datetime
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# What repositories on SFTP, S3 and the like take from the environment, besides the search path.
PASSED_ON: Final = ("PATH", "HOME", "SSH_AUTH_SOCK", "TMPDIR", "SSL_CERT_FILE", "LANG")
PASSED_ON_PREFIXES: Final = ("AWS_", "B2_", "AZURE_", "GOOGLE_", "OS_", "ST_", "RCLONE_", "RESTIC_")
# restic refuses two answers to one question.
ANSWERED_BY_SETTINGS: Final = (
    "RESTIC_PASSWORD",
    "RESTIC_PASSWORD_COMMAND",
    "RESTIC_REPOSITORY_FILE",
)
SOME_FILES_UNREADABLE: Final = 3  # restic's exit code of `backup`
# restic computes nonsense for files that grow meanwhile: more is as good as unknown.
MAX_SECONDS_LEFT: Final = 30 * 24 * 3600
TICK_SECONDS: Final = 1.0
MAX_LOCKED_SECONDS: Final = 60.0
T = TypeVar("T")
# Behind everything that people wait for, and gone when the process that asked is gone.
BEHIND: Final = ("nice", "-n", "10", "setpriv", "--pdeathsig", "INT", "--", "restic")


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """Bytes; `seconds_left` is None while nothing is known."""

    bytes_done: int
    bytes_total: int
    seconds_left: int | None


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """One backup in the repository."""

    id: str
    time: datetime
    paths: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def short_id(self) -> str:
        return self.id[:8]


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What one backup run stored."""

    snapshot_id: str
    bytes_total: int
    bytes_added: int
    files_total: int


class Restic:
    """One repository and the password file that opens it."""

    def __init__(
        self,
        *,
        repository: str,
        password_file: Path,
        cache: Path,
        tick: Callable[[], None] = lambda: None,
        max_locked_seconds: float = MAX_LOCKED_SECONDS,
    ) -> None:
        """`tick` is called every second or so while restic runs, and ends it when it raises."""
        self._max_locked_seconds = max_locked_seconds
        if not repository:
            raise BackupError(
                "BACKUP_REPOSITORY is not set. Set it to a folder, SFTP or S3 address."
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
        """Whether the repository is there. Raises BackupError when that cannot be told."""
        try:
            self._run("cat", "config", "--no-lock")
        except NoRepositoryError:
            return False
        return True

    def create(self) -> None:
        self._run("init")

    def unlock_stale(self) -> None:
        """Removes locks of processes that died (restic tells them from live ones)."""
        self._run("unlock")

    def snapshots(self, *, tag: str = "") -> list[StoredSnapshot]:
        """The backups that carry the tag, or all there are, oldest first."""
        wanted = ("--tag", tag) if tag else ()
        found = json.loads(self._run("snapshots", "--json", "--no-lock", *wanted)) or []
        return sorted((_snapshot(each) for each in found), key=lambda each: each.time)

    def check(self, *, subset: str | None) -> None:
        """Checks the structure, and of the data the `subset` ("3/30"), or all of it for None.

        Raises BackupError when something in the repository is damaged.
        """
        data = "--read-data" if subset is None else f"--read-data-subset={subset}"
        failure = "The check found damage in the backup repository."
        self._patiently(lambda: self._run("check", data, failure=failure))

    def forget(self, *, tag: str, keep: dict[str, str]) -> None:
        """Removes old backups with the tag and the data that no other needs.

        `keep` says how many to keep by restic's periods: {"daily": "7", "weekly": "4"}.
        """
        kept = [option for period, n in keep.items() for option in (f"--keep-{period}", n)]
        # Grouped by nothing: else a changed list of folders would begin a group of its own,
        # whose snapshots are all kept.
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
        """Stores the folders (absolute paths). Raises BackupError, also when some files could not
        be read; the caller makes sure that each folder is there (restic skips missing ones)."""
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
        """What restic says in the end."""
        summary: dict[str, Any] = {}
        try:
            with self._started(*command) as lines:
                for line in lines:
                    message = _json(line)
                    if message.get("message_type") == "status" and on_progress is not None:
                        on_progress(_progress(message))
                    elif message.get("message_type") == "summary":
                        summary = message
        except IncompleteBackupError:
            # restic stores it all the same, and a restore would take it for the newest backup.
            if summary.get("snapshot_id"):
                self._run("forget", summary["snapshot_id"])
            raise
        return summary

    def read_file(self, snapshot_id: str, path: str) -> bytes:
        """The contents of one small file of a backup. Raises NotInBackupError, BackupError."""
        failure = f"{path} cannot be read from this backup."
        return self._run("dump", "--no-lock", snapshot_id, path, failure=failure)

    def file_paths(self, snapshot_id: str) -> set[str]:
        """The absolute paths of the files in a backup; of links none."""
        lines = self._run("ls", "--json", "--no-lock", snapshot_id).decode().splitlines()
        return {node["path"] for node in map(_json, lines) if node.get("type") == "file"}

    def size_of(self, snapshot_id: str) -> int:
        """Bytes that a restore of the whole backup writes."""
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
        """Writes a backup below `target`, with the full paths that it was taken from: only the
        `includes`, or all but the `excludes` (restic takes one or the other)."""
        options = [option for path in includes for option in ("--include", _escaped(path))]
        options += [option for path in excludes for option in ("--exclude", _escaped(path))]
        self._run(
            *("restore", "--no-lock", snapshot_id, "--target", str(target), *options),
            failure="Not all files could be restored.",
        )

    # -- processes ----------------------------------------------------------------------------

    def _run(self, *arguments: str, failure: str = "restic failed.") -> bytes:
        with subprocess.Popen(
            [*BEHIND, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                out, said = self._output(process)
            except BaseException:
                process.send_signal(signal.SIGINT)
                raise
        if process.returncode:
            raise error_of(said.decode(errors="replace"), failure)
        return out

    def _patiently(self, what: Callable[[], T]) -> T:
        """Waits while another process holds the repository. One that was killed counts until its
        parent has noticed: the kernel still lists it."""
        deadline = time.monotonic() + self._max_locked_seconds
        while True:
            try:
                return what()
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
        """The lines that restic prints while it runs. Raises BackupError at its end if it failed;
        stopped, and waited for, when the block raises."""
        with subprocess.Popen(
            [*BEHIND, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            said: list[str] = []
            # Read beside the output: a full pipe would stop restic.
            reader = threading.Thread(target=said.extend, args=(process.stderr,))
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
            sentence = "Some files could not be read, so there is no backup."
            raise IncompleteBackupError(sentence, detail="".join(said)[-MAX_ERROR_CHARACTERS:])
        if process.returncode:
            raise error_of("".join(said), "The backup failed.")


def _environment(repository: str, password_file: Path, cache: Path) -> dict[str, str]:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    for name in ANSWERED_BY_SETTINGS:
        passed.pop(name, None)
    return passed | {
        "RESTIC_REPOSITORY": repository,
        "RESTIC_PASSWORD_FILE": str(password_file),
        "RESTIC_CACHE_DIR": str(cache),
        "RESTIC_PROGRESS_FPS": "1",
    }


def _escaped(path: str) -> str:
    """The path as a pattern that matches nothing else (Go's filepath.Match)."""
    return "".join(f"\\{each}" if each in "*?[\\" else each for each in path)


def _json(line: str) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _progress(message: dict[str, Any]) -> BackupProgress:
    seconds = message.get("seconds_remaining")
    done, total = message.get("bytes_done", 0), message.get("total_bytes", 0)
    return BackupProgress(
        bytes_done=done,
        bytes_total=max(done, total),
        seconds_left=seconds if seconds is not None and seconds <= MAX_SECONDS_LEFT else None,
    )


def _snapshot(found: dict[str, Any]) -> StoredSnapshot:
    return StoredSnapshot(
        id=found["id"],
        time=datetime.fromisoformat(found["time"]),
        paths=tuple(found["paths"]),
        tags=tuple(found.get("tags") or ()),
    )
