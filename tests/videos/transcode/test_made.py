"""What a finished result says of itself, beside what ffprobe says of the same file."""

from __future__ import annotations

import json
import random
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import clips
from tests.examples import one_in
from videos.transcode.made import MadeFacts, MadeSound, read_made
from videos.transcode.pipeline import transcode
from videos.transcode.probe import probe
from videos.transcode.remux import make_original
from videos.transcode.streams import choose_video, is_sound, shape_of
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = Options()
QUICK_AV1 = ("-usage", "realtime", "-cpu-used", "8")


def upright(clip: Path) -> Path:
    """The clip, to be turned by 90 degrees."""
    return clips.with_matrix(clip, (0, 1, -1, 0))


def of_processing(make: Callable[[], Path], folder: Path) -> Path:
    return transcode(make(), folder, options=OPTIONS).top.path


def of_original(make: Callable[[], Path], folder: Path) -> Path:
    source = make()
    original = make_original(source, folder, probe(source, options=OPTIONS), options=OPTIONS)
    assert original is not None
    return original.made.path


def by_ffprobe(path: Path) -> MadeFacts:
    command = [
        "ffprobe",
        "-v",
        "error",
        "-show_streams",
        "-count_packets",
        "-of",
        "json",
        str(path),
    ]
    streams: list[dict[str, Any]] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )["streams"]
    picture = choose_video(streams)
    assert picture is not None
    shape = shape_of(picture)
    return MadeFacts(
        size_bytes=path.stat().st_size,
        whole=True,
        picture=picture["codec_name"],
        width=shape["width"],
        height=shape["height"],
        frames=int(picture["nb_read_packets"]),
        picture_start=float(picture["start_time"]),
        sounds=tuple(
            MadeSound(one["codec_name"], float(one["start_time"]))
            for one in streams
            if is_sound(one)
        ),
    )


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("make", "result"),
    one_in(
        4,
        [
            (clips.h264_mp4, of_processing),
            (clips.vfr_mp4, of_processing),
            (lambda: upright(clips.h264_mp4()), of_processing),
            (clips.trimmed, of_processing),
            (clips.late_sound, of_processing),
            (clips.anamorphic, of_processing),
            (lambda: clips.h264_mp4(layout=None), of_processing),
            (clips.two_sounds, of_processing),
            (clips.phone_hevc_mov, of_original),
            (lambda: clips.with_codec("mkv", "libvpx-vp9", "libopus"), of_original),
            (lambda: clips.with_codec("mp4", "libaom-av1", "aac", *QUICK_AV1), of_original),
        ],
    ),
)
def test_it_says_the_same_as_ffprobe(
    make: Callable[[], Path],
    result: Callable[[Callable[[], Path], Path], Path],
    tmp_path: Path,
) -> None:
    path = result(make, tmp_path)
    made, expected = read_made(path), by_ffprobe(path)
    assert made.picture_start == pytest.approx(expected.picture_start, abs=0.002)
    assert [one.codec for one in made.sounds] == [one.codec for one in expected.sounds]
    starts = [[one.start for one in facts.sounds] for facts in (made, expected)]
    assert starts[0] == pytest.approx(starts[1], abs=0.002)
    same = ("size_bytes", "whole", "picture", "width", "height", "frames")
    assert [getattr(made, name) for name in same] == [getattr(expected, name) for name in same]


@pytest.mark.ffmpeg
def test_a_damaged_file_is_refused_with_a_reason(tmp_path: Path) -> None:
    whole = of_processing(clips.h264_mp4, tmp_path).read_bytes()
    path, moov, chance = tmp_path / "damaged.mp4", whole.rindex(b"moov"), random.Random(14)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(moov - 4, len(whole))] = chance.randrange(256)
        path.write_bytes(damaged)
        with suppress(ValueError):  # any other error would fail the test
            assert read_made(path).size_bytes == len(whole)


def test_a_file_without_a_moov_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_bytes(b"#EXTM3U\nsecret")
    with pytest.raises(ValueError, match="no moov"):
        read_made(path)
