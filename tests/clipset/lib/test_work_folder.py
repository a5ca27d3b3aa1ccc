"""What the site takes over of what a hostile program wrote into its folder."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from clipset.lib.sandbox_identity import OWN_UID, Identity
from clipset.lib.work_folder import clear_away, lent, remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEEP = 1050


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.write_text("SECRET_KEY=x")
    path.chmod(0o640)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def deep_folder(path: Path) -> None:
    """Deeper than Python's recursion."""
    path.mkdir()
    current = os.open(path, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=current)
        inner = os.open("d", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=current))
    os.close(current)


def closed_folder(path: Path) -> None:
    (path / "inner/deeper").mkdir(parents=True)
    (path / "inner/file").touch()
    (path / "inner").chmod(0)
    path.chmod(0)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


HOSTILE: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, secret: path.symlink_to(secret),
    "link to a folder": lambda path, secret: path.symlink_to(secret.parent),
    "link to itself": lambda path, _: path.symlink_to(path),
    "second name": lambda path, secret: path.hardlink_to(secret),
    "fifo": lambda path, _: os.mkfifo(path),
    "socket": lambda path, _: a_socket(path),
    "folder": lambda path, _: path.mkdir(),
    "closed folder": lambda path, _: closed_folder(path),
    "deep folder": lambda path, _: deep_folder(path),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_plain_file_is_removed_and_told(
    what: str, folder: Path, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = secret.stat()
    with lent(folder):
        HOSTILE[what](folder / "1080p.mp4", secret)
        (folder / "720p.mp4").write_text("video")
    assert [path.name for path in folder.iterdir()] == ["720p.mp4"]
    assert "1080p.mp4" in caplog.text
    after = secret.stat()
    assert (after.st_mode, after.st_uid, after.st_nlink) == (before.st_mode, before.st_uid, 1)
    assert secret.read_text() == "SECRET_KEY=x"


def test_what_is_behind_a_link_in_a_folder_that_was_there_is_not_touched(
    folder: Path, secret: Path
) -> None:
    (folder / "early").mkdir()
    with lent(folder):
        (folder / "early/1080p.mp4").symlink_to(secret)
    assert (folder / "early").is_dir()
    assert not list((folder / "early").iterdir())
    assert secret.exists()


@pytest.mark.parametrize(
    ("made", "kept"), [(0, 0o600), (0o200, 0o600), (0o4755, 0o755), (0o6777, 0o775), (0o640, 0o640)]
)
def test_a_file_gets_permissions_that_the_site_can_work_with(
    made: int, kept: int, folder: Path
) -> None:
    with lent(folder):
        (folder / "made").touch()
        (folder / "made").chmod(made)
    assert stat.S_IMODE((folder / "made").stat().st_mode) == kept


def test_what_was_there_stays_as_it_is(folder: Path, secret: Path) -> None:
    """Such as a second name of the source."""
    (folder / "held").hardlink_to(secret)
    (folder / "held").chmod(0o444)
    (folder / "inner").mkdir()
    with lent(folder):
        pass
    assert (folder / "held").samefile(secret)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o444
    assert (folder / "inner").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_the_folder_gets_what_was_written(folder: Path) -> None:
    who = Identity((), programs=(), devices=())
    with lent(folder, who):
        assert folder.stat().st_uid == OWN_UID
        (folder / "made").touch()
        os.chown(folder / "made", OWN_UID, OWN_UID)
    assert (folder / "made").stat().st_uid == folder.stat().st_uid == 0


def test_a_folder_that_is_gone_is_no_fault(folder: Path) -> None:
    with lent(folder):
        folder.rmdir()


def test_a_tree_is_removed_with_all_its_branches_but_not_what_links_lead_to(
    tmp_path: Path, secret: Path
) -> None:
    tree = tmp_path / "tree"
    for branch in ("a/b/c", "a/b/d", "e/f"):
        (tree / branch).mkdir(parents=True)
        (tree / branch / "file").touch()
        (tree / branch / "link").symlink_to(tmp_path)
    remove_tree(tree)
    clear_away(tree)  # it is gone
    assert list(tmp_path.iterdir()) == [secret]
