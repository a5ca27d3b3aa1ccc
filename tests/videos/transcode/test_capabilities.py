"""Sentences about what FFmpeg lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from videos.transcode.capabilities import check_ffmpeg
from videos.transcode.types import Options

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.ffmpeg
def test_debians_ffmpeg_will_do() -> None:
    assert check_ffmpeg("ffmpeg") == []


def test_a_missing_ffmpeg_is_told_with_what_to_do() -> None:
    problems = check_ffmpeg("/nowhere/ffmpeg")
    assert len(problems) == 2
    assert problems[0].startswith("/nowhere/ffmpeg was not found")
    assert problems[1].startswith("/nowhere/ffprobe was not found")
    assert all("FFMPEG_PATH" in problem for problem in problems)


def test_an_ffmpeg_without_h264_and_zscale_is_told(tmp_path: Path) -> None:
    for name in ("ffmpeg", "ffprobe"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho ' V....D mjpeg x'; echo ' A....D aac x'\n")
        program.chmod(0o755)
    problems = check_ffmpeg(str(tmp_path / "ffmpeg"))
    assert any("no encoder libx264" in problem for problem in problems)
    assert any("no filter zscale" in problem for problem in problems)
    assert not any("no encoder aac" in problem for problem in problems)


def test_an_ffmpeg_that_fails_is_told(tmp_path: Path) -> None:
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    assert any("could not be run" in one for one in check_ffmpeg(str(tmp_path / "ffmpeg")))


@pytest.mark.parametrize(
    ("ffmpeg", "ffprobe"),
    [
        ("ffmpeg", "ffprobe"),
        ("/opt/ffmpeg-7/bin/ffmpeg", "/opt/ffmpeg-7/bin/ffprobe"),
        ("ffmpeg7", "ffprobe7"),
    ],
)
def test_ffprobe_is_beside_it(ffmpeg: str, ffprobe: str) -> None:
    assert Options(ffmpeg=ffmpeg).ffprobe == ffprobe
