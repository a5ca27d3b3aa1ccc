"""What was probed survives as text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import clips
from videos.transcode.media import Crop, MediaInfo
from videos.transcode.probe import probe
from videos.transcode.stored_media import media_as_text, media_of_text
from videos.transcode.timeline import Span, Timeline
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.ffmpeg
@pytest.mark.parametrize("clip", [clips.phone_hevc_mov, clips.two_sounds, clips.with_cover])
def test_what_was_probed_comes_back(clip: Callable[[], Path]) -> None:
    info = probe(clip(), options=Options())
    assert media_of_text(media_as_text(info)) == info


@pytest.mark.ffmpeg
def test_a_crop_comes_back() -> None:
    info = probe(clips.h264_mp4(), options=Options())
    assert info.video is not None
    info = replace(info, video=replace(info.video, crop=Crop(0, 20, 320, 140)))
    assert media_of_text(media_as_text(info)) == info


def bare() -> MediaInfo:
    return MediaInfo(
        container="avi",
        timeline=Timeline(start=0.5, end=2.0, picture=Span(0.5, 2.0)),
        shift_seconds=-0.5,
        size_bytes=9,
        whole=True,
        video=None,
        sounds=(),
    )


def test_an_endless_number_comes_back() -> None:
    info = replace(bare(), timeline=Timeline(start=0.0, end=float("inf")))
    assert media_of_text(media_as_text(info)) == info


def changed(**fields: object) -> str:
    return json.dumps(json.loads(media_as_text(bare())) | fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        changed(of_a_later_version=1),
        changed(size_bytes="many"),
        changed(video={"index": 0}),
    ],
)
def test_text_of_another_version_is_no_facts(text: str) -> None:
    assert media_of_text(text) is None
