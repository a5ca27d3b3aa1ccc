"""What the pipeline does with the results of a program that a member's file took over."""

from __future__ import annotations

import functools
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clipset.lib import sandbox
from tests import clips
from videos.transcode import confine
from videos.transcode.errors import ProcessingError
from videos.transcode.pipeline import transcode
from videos.transcode.probe import probe
from videos.transcode.storyboard import make_storyboard, plan_storyboard
from videos.transcode.thumbnail import make_thumbnail
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from videos.transcode.media import MediaInfo

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

MAX_SECONDS = 20
# Each leaves something at its last argument, the place of its result.
ATTACKS = {
    "link": 'symlink("{secret}", $out)',
    "link to itself": "symlink($out, $out)",
    "second name": 'link("{secret}", $out)',
    "fifo": "syscall(133, $out, 0010666, 0)",  # mknod
    "folder": "mkdir($out)",
    "closed file": "sysopen(F, $out, O_CREAT | O_WRONLY, 0); print F 'x'; close F",
    "setuid file": "umask(0); sysopen(F, $out, O_CREAT | O_WRONLY, 06777); print F 'x'; close F",
    "10 TB of nothing": "open(F, '>', $out); truncate(F, 10 * 1024 ** 4)",
    "10 GB of nothing": "open(F, '>', $out); seek(F, 10 * 1024 ** 3, 0); print F 'x'; close F",
    "60 MB of nothing": "open(F, '>', $out); truncate(F, 60 * 1024 ** 2)",
    "nothing": "1",
}
CONFINED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "whole": lambda _: None,
    "no filter": lambda patch: patch.setattr(sandbox, "_program", lambda **_: None),
    "no bubblewrap": lambda patch: patch.setattr(confine, "why_not", lambda: "a test"),
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.write_text("SECRET_KEY=x")
    path.chmod(0o640)
    return path


def hostile(folder: Path, attack: str, secret: Path) -> Options:
    """Options with such a program in FFmpeg's place."""
    program = folder / "ffmpeg"
    act = ATTACKS[attack].format(secret=secret)
    program.write_text(
        "#!/usr/bin/perl\nuse Fcntl;\n"
        f"my ($out) = reverse grep {{ s/^file:// }} @ARGV;\n"
        f"$SIG{{XFSZ}} = 'IGNORE';\n{act};\nexit 0;\n"
    )
    program.chmod(0o755)
    (folder / "ffprobe").symlink_to(str(shutil.which("ffprobe")))
    return Options(ffmpeg=str(program), decodes_sounds=False)


@functools.cache
def facts() -> tuple[Path, MediaInfo]:
    video = clips.h264_mp4(layout=None)
    return video, probe(video, options=Options())


@pytest.mark.parametrize("confined", CONFINED)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_result_that_is_none_is_a_failure_and_leads_to_no_other_file(
    attack: str, confined: str, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CONFINED[confined](monkeypatch)
    options, work = hostile(tmp_path, attack, secret), tmp_path / "work"
    before, since = secret.stat(), time.monotonic()
    video, info = facts()
    with pytest.raises(ProcessingError, match=r"this video|processed video|became larger"):
        transcode(video, work, options=options, info=info)
    assert time.monotonic() - since < MAX_SECONDS
    assert_harmless(work)
    after = secret.stat()
    assert (after.st_mode, after.st_nlink, after.st_uid) == (before.st_mode, 1, before.st_uid)


@pytest.mark.parametrize("attack", ["link", "fifo", "folder", "closed file"])
def test_neither_is_such_a_thumbnail_or_storyboard(
    attack: str, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CONFINED["no filter"](monkeypatch)
    options, work = hostile(tmp_path, attack, secret), tmp_path / "work"
    work.mkdir()
    is_file = attack == "closed file"  # what is in it, no member sees as anything but an image
    thumbnail, sheet = work / "a.jpg", work / "b.jpg"
    size = (320, 180)
    made = make_thumbnail(facts()[0], thumbnail, size=size, seconds=1, options=options, at=0)
    assert made == thumbnail.is_file() == is_file
    grid = plan_storyboard(*size, 1)
    assert make_storyboard(facts()[0], sheet, grid, options=options) == sheet.is_file() == is_file
    assert_harmless(work)


def assert_harmless(work: Path) -> None:
    for path in work.rglob("*"):
        assert path.is_file()
        assert not path.is_symlink()
        assert path.stat().st_mode & 0o7602 == 0o600
        assert path.stat().st_size < 1024**3
        assert b"SECRET" not in path.read_bytes()[:99]
