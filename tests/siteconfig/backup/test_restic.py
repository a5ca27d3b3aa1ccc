"""Runs restic: it restores what it has stored, and each of its failures has its own error."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from siteconfig.backup.errors import (
    BackupError,
    IncompleteBackupError,
    NoRepositoryError,
    RepositoryLockedError,
    WrongPasswordError,
)
from siteconfig.backup.restic import Restic
from siteconfig.backup.restic_output import BackupProgress, parse_progress
from tests.disks import command, mount
from tests.processes import wait_for

pytestmark = pytest.mark.restic


@pytest.fixture
def restic(new_store: Path, tmp_path: Path, password: Path) -> Restic:
    return opened(tmp_path, password)


def opened(tmp_path: Path, password: Path) -> Restic:
    return Restic(
        repository=str(tmp_path / "store"),
        password_file=password,
        cache=tmp_path / "cache",
        max_locked_seconds=8,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "media" / "with [brackets] and *"
    folder.mkdir(parents=True)
    (folder / "video.mp4").write_bytes(os.urandom(3_000_000))
    (folder / "job-1").mkdir()
    (folder / "job-1" / "work").write_bytes(b"work")
    return folder


def test_what_was_stored_comes_back_without_what_was_excluded(
    restic: Restic, source: Path, tmp_path: Path
) -> None:
    seen: list[BackupProgress] = []
    summary = restic.backup(
        [source],
        tag="a",
        host="clipset",
        excludes=[str(source.parent / "*" / "job-*")],
        on_progress=seen.append,
    )
    assert summary.files_total == 1
    assert seen[-1].bytes_total == 3_000_000
    [snapshot] = restic.snapshots(tag="a")
    assert snapshot.paths == (str(source),)
    assert restic.snapshots(tag="b") == []
    assert restic.size_of(snapshot.id) == 3_000_000
    restic.restore(snapshot.id, target=tmp_path / "back", includes=[str(source)])
    back = tmp_path / "back" / str(source).lstrip("/")
    assert (back / "video.mp4").read_bytes() == (source / "video.mp4").read_bytes()
    assert not (back / "job-1").exists()
    contents = restic.read_file(snapshot.id, str(source / "video.mp4"))
    assert contents == (source / "video.mp4").read_bytes()


@pytest.mark.long
def test_a_restore_leaves_out_what_it_is_told_to(
    restic: Restic, source: Path, tmp_path: Path
) -> None:
    summary = restic.backup([source], tag="a", host="clipset")
    excluded = str(source / "job-1")
    restic.restore(summary.snapshot_id, target=tmp_path / "back", excludes=[excluded])
    back = tmp_path / "back" / str(source).lstrip("/")
    assert {path.name for path in back.iterdir()} == {"video.mp4"}


def test_a_missing_repository_is_told_from_a_wrong_password(
    tmp_path: Path, password: Path, restic: Restic
) -> None:
    assert restic.exists()
    elsewhere = Restic(
        repository=str(tmp_path / "none"), password_file=password, cache=tmp_path / "cache"
    )
    assert not elsewhere.exists()
    with pytest.raises(NoRepositoryError):
        elsewhere.snapshots()
    password.write_text("another\n")
    with pytest.raises(WrongPasswordError):
        restic.exists()


def is_locked(store: Path) -> bool:
    """Whether the repository has a complete lock. restic writes it as <id>-tmp-<n> first."""
    return any("-tmp-" not in lock.name for lock in (store / "locks").iterdir())


@pytest.mark.long
def test_a_repository_that_another_process_holds(
    restic: Restic, source: Path, tmp_path: Path
) -> None:
    restic.backup([source], tag="a", host="clipset")
    # The exclusive lock of a running `prune`.
    with subprocess.Popen(
        [
            "restic",
            "-r",
            str(tmp_path / "store"),
            "-p",
            str(tmp_path / "password"),
            "check",
            "--read-data",
            "--limit-download",
            "100",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as other:
        try:
            while not is_locked(tmp_path / "store"):
                assert other.poll() is None
            with pytest.raises(RepositoryLockedError):
                restic.forget(tag="a", keep={"daily": "1"})
        finally:
            other.kill()
    # The killed process leaves its lock, which is removed.
    restic.unlock_stale()
    restic.forget(tag="a", keep={"daily": "1"})


def test_a_killed_process_is_waited_for_until_its_parent_has_reaped_it(
    restic: Restic, source: Path, tmp_path: Path
) -> None:
    """Until then the kernel lists the process, and restic treats its lock as in use."""
    restic.backup([source], tag="a", host="clipset")
    where = ["-r", str(tmp_path / "store"), "-p", str(tmp_path / "password")]
    slow = ["check", "--read-data", "--limit-download", "100"]
    with subprocess.Popen(
        ["restic", *where, *slow], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as other:
        wait_for(lambda: is_locked(tmp_path / "store"), name="its lock")
        other.kill()
        reaping = threading.Timer(1, other.wait)
        reaping.start()
        restic.forget(tag="a", keep={"daily": "1"})
        reaping.join()
    assert not any((tmp_path / "store" / "locks").iterdir())


def test_a_flipped_byte_is_found(restic: Restic, source: Path, tmp_path: Path) -> None:
    restic.backup([source], tag="a", host="clipset")
    restic.check(subset=None)
    [pack, *_] = sorted(
        (file for file in (tmp_path / "store" / "data").rglob("*") if file.is_file()),
        key=lambda file: -file.stat().st_size,
    )
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(BackupError, match="found damage"):
        restic.check(subset=None)


@pytest.mark.long
def test_old_backups_go_and_those_of_other_sites_stay(restic: Restic, source: Path) -> None:
    for tag in ("a", "a", "b"):
        restic.backup([source], tag=tag, host="clipset")
    restic.forget(tag="a", keep={"daily": "1"})
    assert len(restic.snapshots(tag="a")) == 1
    assert len(restic.snapshots(tag="b")) == 1


def test_a_folder_that_is_not_there_fails_the_backup(restic: Restic, source: Path) -> None:
    with pytest.raises(BackupError):
        restic.backup([source / "none"], tag="a", host="clipset")


def test_what_is_missing_is_said_before_anything_runs(tmp_path: Path, password: Path) -> None:
    with pytest.raises(BackupError, match="BACKUP_REPOSITORY is not set"):
        Restic(repository="", password_file=password, cache=tmp_path)
    with pytest.raises(BackupError, match="password file"):
        Restic(repository="/x", password_file=tmp_path / "none", cache=tmp_path)


def test_a_backup_that_lacks_a_file_is_none(restic: Restic, source: Path, tmp_path: Path) -> None:
    """restic stores what it could read, and a restore would use that as the newest backup."""
    bad = source / "bad.mp4"
    bad.touch()
    mount("--bind", "/proc/self/mem", bad)  # gives EIO
    try:
        with pytest.raises(IncompleteBackupError, match="no backup"):
            restic.backup([source], tag="a", host="clipset")
    finally:
        command("umount", bad)
    assert restic.snapshots() == []


def test_the_process_that_asks_can_stop_it(restic: Restic, source: Path) -> None:
    class StopError(Exception):
        pass

    def stop(_progress: BackupProgress) -> None:
        raise StopError

    with pytest.raises(StopError):
        restic.backup([source], tag="a", host="clipset", on_progress=stop)
    restic.unlock_stale()
    assert restic.backup([source], tag="a", host="clipset").snapshot_id


def test_a_time_left_that_restic_miscalculates_is_unknown() -> None:
    """It subtracts unsigned numbers, so the difference is huge for a file that grew."""
    message = {"bytes_done": 11, "total_bytes": 10, "seconds_remaining": 2**63}
    assert parse_progress(message) == BackupProgress(11, 11, None)
    assert parse_progress({"seconds_remaining": 60}) == BackupProgress(0, 0, 60)


@pytest.mark.parametrize(
    "address", ["rest:http://bob:s3cret%zz@127.0.0.1:1/x", "sftp://bob:p@s3cret@127.0.0.1:1/x"]
)
def test_no_error_holds_the_password_of_the_address(
    address: str, tmp_path: Path, password: Path
) -> None:
    restic = Restic(repository=address, password_file=password, cache=tmp_path / "cache")
    with pytest.raises(BackupError) as caught:
        restic.snapshots()
    assert "bob:***@127.0.0.1" in caught.value.detail
    assert "s3cret" not in caught.value.sentence + caught.value.detail


def test_the_settings_win_over_what_the_environment_says(
    new_store: Path, tmp_path: Path, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTIC_PASSWORD", "another")
    monkeypatch.setenv("RESTIC_PASSWORD_COMMAND", "echo another")
    monkeypatch.setenv("RESTIC_REPOSITORY_FILE", str(tmp_path / "another"))
    assert opened(tmp_path, password).snapshots() == []
