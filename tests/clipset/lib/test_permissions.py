"""Only the site's user and its group may read its files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clipset.lib.permissions import restrict_umask, tighten, tighten_one


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def put(path: Path, permissions: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.touch()
    path.chmod(permissions)
    return path


@pytest.mark.parametrize(
    ("before", "after"), [(0o022, 0o027), (0, 0o027), (0o077, 0o077), (0o027, 0o027)]
)
def test_a_stricter_umask_stays(before: int, after: int) -> None:
    ours = os.umask(before)
    try:
        restrict_umask()
    finally:
        found = os.umask(ours)
    assert found == after


def test_the_settings_restrict_it() -> None:
    found = os.umask(0o077)
    os.umask(found)
    assert found & 0o027 == 0o027


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o644, 0o640), (0o666, 0o640), (0o777, 0o750), (0o640, 0o640), (0o600, 0o600), (0, 0)],
)
def test_bits_are_only_taken(tmp_path: Path, before: int, after: int) -> None:
    path = put(tmp_path / "below/video.mp4", before)
    assert tighten(tmp_path) == 0
    assert mode(path) == after
    path.chmod(before)
    assert tighten_one(path)
    assert mode(path) == after


def test_folders_are_mended_and_the_top_is_not(tmp_path: Path) -> None:
    put(tmp_path / "below/video.mp4", 0o644)
    (tmp_path / "below").chmod(0o2755)
    tmp_path.chmod(0o755)
    assert tighten(tmp_path) == 0
    assert (mode(tmp_path / "below"), mode(tmp_path)) == (0o2750, 0o755)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside/video.mp4", 0o644)
    (tmp_path / "outside").chmod(0o755)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    (inside / "nowhere").symlink_to("nowhere")
    assert tighten(inside) == 0
    assert tighten_one(inside / "file")
    assert (mode(outside), mode(outside.parent)) == (0o644, 0o755)


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe").chmod(0o644)
    assert tighten(tmp_path) == 0
    assert mode(tmp_path / "pipe") == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_another_user_are_counted_and_stay(tmp_path: Path) -> None:
    theirs, closed = put(tmp_path / "theirs", 0o644), put(tmp_path / "closed", 0o600)
    for path in (theirs, closed):
        os.chown(path, 65534, 65534)
    ours = put(tmp_path / "ours", 0o644)
    assert tighten(tmp_path) == 1
    assert not tighten_one(theirs)
    assert (mode(theirs), mode(closed), mode(ours)) == (0o644, 0o600, 0o640)


def test_what_is_missing_is_no_failure(tmp_path: Path) -> None:
    assert tighten_one(tmp_path / "missing")
