"""Start-up finds what keeps videos from being processed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from videos.checks import (
    check_accel_prefix,
    check_accepted_formats,
    check_confinement,
    check_video_tools,
)
from videos.health import check_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings


@pytest.mark.ffmpeg
def test_debians_ffmpeg_is_enough_and_asked_quickly() -> None:
    since = time.perf_counter()
    assert check_video_tools(app_configs=None) == []
    # Every manage.py command waits for it; 0.2 s on an idle machine.
    assert time.perf_counter() - since < 3


def test_a_missing_ffmpeg_and_ffprobe_are_found(settings: Settings) -> None:
    settings.FFMPEG_PATH = "/nowhere/ffmpeg"
    errors = check_video_tools(app_configs=None)
    assert [error.id for error in errors] == ["clipset.E020", "clipset.E020"]
    assert "/nowhere/ffmpeg was not found" in errors[0].msg
    assert "/nowhere/ffprobe was not found" in errors[1].msg
    assert all("apt-get install ffmpeg" in str(error.hint) for error in errors)


def test_an_ffmpeg_without_the_encoders_is_found(settings: Settings, tmp_path: Path) -> None:
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text("#!/bin/sh\necho ' V..... libx264 H.264'\n")
        (tmp_path / name).chmod(0o755)
    settings.FFMPEG_PATH = str(tmp_path / "ffmpeg")
    messages = [error.msg for error in check_video_tools(app_configs=None)]
    assert any("no encoder aac" in message for message in messages)
    assert not any("libx264" in message for message in messages)


@pytest.mark.usefixtures("without_bubblewrap")
def test_what_is_missing_to_confine_ffmpeg_is_told_everywhere() -> None:
    [warning] = check_confinement(app_configs=None)
    assert warning.id == "clipset.W023"
    assert not warning.is_serious()  # videos are processed all the same
    assert warning.msg.startswith("FFmpeg and the decoder of images see all files of their user")
    assert not check_sandbox().is_well
    assert check_sandbox().summary == warning.msg


@pytest.mark.parametrize(
    ("formats", "words"),
    [(["mp4", "exe"], "has exe"), ([], "is empty"), (["mp4", "txt", "doc"], "has doc, txt")],
)
def test_formats_that_cannot_be_read_are_found(
    settings: Settings, formats: list[str], words: str
) -> None:
    settings.ACCEPTED_VIDEO_FORMATS = formats
    [error] = check_accepted_formats(app_configs=None)
    assert error.id == "clipset.E021"
    assert words in error.msg


def test_the_formats_as_they_come_can_be_read() -> None:
    assert check_accepted_formats(app_configs=None) == []


@pytest.mark.parametrize("prefix", ["files", "/", "/fi les", "https://example.org/x", "/a//b"])
def test_a_prefix_for_nginx_that_is_no_path_is_found(prefix: str, settings: Settings) -> None:
    settings.MEDIA_ACCEL_PREFIX = prefix
    [error] = check_accel_prefix(app_configs=None)
    assert error.id == "clipset.E022"


@pytest.mark.parametrize("prefix", ["", "/files", "/clipset/files-1"])
def test_a_prefix_for_nginx_may_be_a_path_or_missing(prefix: str, settings: Settings) -> None:
    settings.MEDIA_ACCEL_PREFIX = prefix
    assert check_accel_prefix(app_configs=None) == []
