"""Start-up finds what keeps videos from being processed."""

from __future__ import annotations

import time
from html import unescape
from typing import TYPE_CHECKING

import pytest

from siteconfig.doctor import Look
from siteconfig.doctor_checks import find_wrong_settings
from tests.builders import make_admin
from videos.checks import (
    check_accel_prefix,
    check_accepted_formats,
    check_confinement,
    check_video_tools,
)
from videos.doctor.work import find_lacking_tools

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
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


# Each state of what confines FFmpeg and the decoder of images, and words of its sentences.
STATES: dict[str, tuple[dict[str, object], list[str]]] = {
    "all is there": ({}, []),
    "bubblewrap is missing": (
        {"videos.transcode.confine.why_not": lambda: "Bubblewrap is missing. Install it."},
        ["FFmpeg and the decoder of images see all files of their user, because bubblewrap is"],
    ),
    "and the network can't be kept away": (
        {
            "videos.transcode.confine.why_not": lambda: "Bubblewrap is missing. Install it.",
            "videos.transcode.confine.without_network": lambda: (),
        },
        ["see all files of their user and reach the network, because bubblewrap is"],
    ),
    "no filter": (
        {"videos.transcode.confine.lacks_filter": lambda: True},
        ["FFmpeg and the decoder of images run without a seccomp filter"],
    ),
    "another Python": (
        {"videos.transcode.confine.why_not_python": lambda: "The decoder of images sees all."},
        ["The decoder of images sees all."],
    ),
    "two things": (
        {
            "videos.transcode.confine.lacks_filter": lambda: True,
            "videos.transcode.confine.why_not_python": lambda: "The decoder of images sees all.",
        },
        ["run without a seccomp filter", "The decoder of images sees all."],
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
def test_what_is_missing_to_confine_decoders_is_told_everywhere_once(
    state: str, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    changes, told = STATES[state]
    for name, value in changes.items():
        monkeypatch.setattr(name, value)
    warnings = check_confinement(app_configs=None)
    assert [one.id for one in warnings] == ["clipset.W023"] * len(told)
    assert not any(one.is_serious() for one in warnings)  # videos are processed all the same
    by_doctor = [*find_lacking_tools(Look()), *find_wrong_settings(Look())]
    client.force_login(make_admin())
    report = client.get("/readyz", headers={"Accept": "application/json"}).json()["checks"]
    page = unescape(client.get("/readyz", headers={"Accept": "text/html"}).content.decode())
    assert report["sandbox"]["ok"] == (not told)
    for words in told:
        assert sum(words in one.msg for one in warnings) == 1
        assert sum(words in one.sentence for one in by_doctor) == 1
        assert report["sandbox"]["summary"].count(words) == 1
        assert page.count(words) == 1
    if not told:
        assert not [one for one in by_doctor if "decoder of images" in one.sentence]
        assert "FFmpeg and the decoder of images see only their input" in page


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
