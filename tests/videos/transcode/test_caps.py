"""Caps of bit rates, held against pictures that no encoder can make small: noise and film grain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest

from tests import clips
from videos.transcode import commands, pipeline
from videos.transcode.caps import most_bytes
from videos.transcode.pipeline import transcode
from videos.transcode.types import QUALITIES, EncoderChoice, Options, QualityName, Tick

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.results import TranscodeResult

SECONDS = 4


def noise(size: str, *, seconds: float = SECONDS, fps: int = 30) -> Path:
    """Each pixel of each frame at random, nearly without loss, in a format that is re-encoded."""
    source = f"color=gray:size={size}:rate={fps}:duration={seconds},noise=alls=100:allf=t+u"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv444p")
    return clips.make("mp4", "-f", "lavfi", "-i", source, *coded)


def film_grain(size: str, *, seconds: float = SECONDS) -> Path:
    """AV1 of almost no bytes, which decoders add grain to."""
    source = f"color=gray:size={size}:rate=24:duration={seconds}"
    coded = ("-c:v", "libsvtav1", "-preset", "10", "-crf", "60")
    return clips.make("mp4", "-f", "lavfi", "-i", source, *coded, "-svtav1-params", "film-grain=50")


def made(source: Path, folder: Path, **options: Any) -> TranscodeResult:
    result = transcode(source, folder, options=Options(ladder=(), **options))
    assert not result.plan.copied
    return result


@pytest.mark.parametrize("quality", get_args(QualityName))
def test_noise_stays_below_the_cap_in_each_quality(tmp_path: Path, quality: QualityName) -> None:
    crf, preset = QUALITIES[quality]
    result = made(noise("160x90"), tmp_path, crf=crf, preset=preset)
    most = most_bytes(result.top.rendition, result.plan)
    assert 0.5 * most < result.top.size_bytes <= most


@pytest.mark.long
@pytest.mark.parametrize("size", ["320x180", "854x480"])
def test_noise_and_film_grain_stay_below_the_cap_in_each_size(tmp_path: Path, size: str) -> None:
    for number, source in enumerate(
        (noise(size), noise(size, fps=60, seconds=3), film_grain(size, seconds=10))
    ):
        result = made(source, tmp_path / str(number))
        most = most_bytes(result.top.rendition, result.plan)
        assert result.top.size_bytes <= most


def test_hardware_that_ignores_the_cap_is_replaced_by_libx264(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some drivers know no mode with both quality and cap, and take the quality alone."""

    def without_cap(*args: Any, encoder: str, **more: Any) -> list[str]:
        command = commands.transcode_command(*args, encoder="libx264", **more)
        if encoder == "libx264":
            return command
        for option in ("-maxrate", "-bufsize"):
            while any(word.startswith(option) for word in command):
                place = next(n for n, word in enumerate(command) if word.startswith(option))
                del command[place : place + 2]
        return command

    def as_if_it_worked(options: Options, _tick: Tick) -> EncoderChoice:
        return EncoderChoice(name=options.encoder)

    monkeypatch.setattr(pipeline, "choose_encoder", as_if_it_worked)
    monkeypatch.setattr(pipeline, "transcode_command", without_cap)
    result = made(noise("160x90"), tmp_path, encoder="h264_vaapi")
    assert result.encoder is not None
    assert result.encoder.name == "libx264"
    assert "are allowed" in result.encoder.detail
    most = most_bytes(result.top.rendition, result.plan)
    assert result.top.size_bytes <= most
