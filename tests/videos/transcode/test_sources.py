"""Each kind of source that people have: what comes out has its size, rate, sound and colours."""

from __future__ import annotations

import functools
import subprocess
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import clips
from tests.examples import one_in
from videos.transcode.caption_tracks import extract_captions
from videos.transcode.errors import SourceError
from videos.transcode.formats import DEMUXERS
from videos.transcode.media import MediaInfo
from videos.transcode.pipeline import transcode
from videos.transcode.probe import probe
from videos.transcode.results import TranscodeResult
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg

OPTIONS = Options(accepted=tuple(DEMUXERS))

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
X264 = clips.x264(25)
AAC = ("-c:a", "aac")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=none")
MPEG2 = ("-c:v", "mpeg2video", "-b:v", "4M", "-c:a", "mp2")
FIELDS = ("-flags", "+ildct+ilme", "-top", "1")
IN_FIELDS = ",tinterlace=interleave_top,setfield=tff"


class Source(NamedTuple):
    """A clip of thirds (black, white, red) and what is to come of it.

    ``reads`` is the way from black to red: "right", or where a turn has led it. ``channels`` is
    None for no sound.
    """

    make: Callable[[], Path]
    size: tuple[int, int] = (96, 64)
    fps: Fraction = Fraction(25)
    copied: bool = False
    channels: int | None = 2
    reads: str = "right"


def turned(matrix: tuple[int, int, int, int], *coder: str) -> Callable[[], Path]:
    return lambda: clips.with_matrix(clips.thirds("mp4", *coder, *AAC), matrix)


def thirds(suffix: str, *coder: str, **more: str | float | None) -> Callable[[], Path]:
    return lambda: clips.thirds(suffix, *coder, **more)  # type: ignore[arg-type]


SOURCES: dict[str, Source] = {
    "turned right, copied": Source(
        turned(clips.QUARTER_RIGHT, *X264), size=(64, 96), copied=True, reads="down"
    ),
    "upside down, copied": Source(turned(clips.HALF_TURN, *X264), copied=True, reads="left"),
    "turned left, copied": Source(
        turned(clips.QUARTER_LEFT, *X264), size=(64, 96), copied=True, reads="up"
    ),
    "turned right": Source(turned(clips.QUARTER_RIGHT, *X265), size=(64, 96), reads="down"),
    "upside down": Source(turned(clips.HALF_TURN, *X265), reads="left"),
    "turned left": Source(turned(clips.QUARTER_LEFT, *X265), size=(64, 96), reads="up"),
    "portrait, copied": Source(
        thirds("mp4", *X264, *AAC, size="1080x1920", seconds=0.2), size=(1080, 1920), copied=True
    ),
    "portrait": Source(
        thirds("mov", *X265, *AAC, size="1080x1920", seconds=0.12), size=(1080, 1920)
    ),
    "853 x 479": Source(
        thirds("webm", "-c:v", "libvpx", "-deadline", "realtime", size="853x479", seconds=0.2),
        size=(852, 478),
    ),
    "960 x 409, 4:4:4": Source(
        thirds("mkv", *X264[:4], size="960x409", pix_fmt="yuv444p", seconds=0.2), size=(960, 408)
    ),
    "wide pixels": Source(
        thirds("mp4", *X264, *AAC, size="72x64", filters=",setsar=4/3"), size=(96, 64)
    ),
    "left out frames, copied": Source(
        thirds("mkv", *X264, *AAC, "-vsync", "vfr", filters=",select='mod(n,5)'", seconds=2),
        copied=True,
    ),
    "left out frames": Source(
        thirds("mkv", *X265, *AAC, "-vsync", "vfr", filters=",select='mod(n,5)'", seconds=2)
    ),
    "120 a second": Source(thirds("mp4", *X264, *AAC, fps="120"), fps=Fraction(60)),
    "hevc, 10 bits": Source(thirds("mp4", *X265, *AAC, pix_fmt="yuv420p10le")),
    "h264, 10 bits": Source(thirds("mkv", *X264[:4], *AAC, pix_fmt="yuv420p10le")),
    "full range": Source(thirds("mp4", *X265, *AAC, full_range=True)),
    "silent": Source(thirds("mp4", *X265, layout=None), channels=None),
    "mono": Source(thirds("mp4", *X265, *AAC, layout="mono"), channels=1),
    "surround": Source(thirds("mkv", *X265, "-c:a", "ac3", layout="5.1")),
    "surround, copied": Source(thirds("mp4", *X264, *AAC, layout="5.1"), copied=True, channels=6),
    "av1": Source(thirds("mp4", "-c:v", "libsvtav1", "-preset", "12", *AAC)),
    "vp9": Source(thirds("webm", "-c:v", "libvpx-vp9", "-deadline", "realtime")),
    "like a gif": Source(
        thirds(
            *("webm", "-c:v", "libvpx-vp9", "-deadline", "realtime"),
            pix_fmt="yuva420p",
            layout=None,
            fps="10",
            seconds=0.5,
        ),
        channels=None,
        fps=Fraction(10),
    ),
    "prores": Source(
        # Without tags, and small: ITU-R BT.601.
        thirds(
            *("mov", "-c:v", "prores_ks", "-c:a", "pcm_s24le"),
            pix_fmt="yuv422p10le",
            matrix="smpte170m",
        )
    ),
    "mjpeg in avi": Source(
        thirds(
            *("avi", "-c:v", "mjpeg", "-q:v", "2", "-c:a", "pcm_s16le"),
            pix_fmt="yuvj420p",
            matrix="smpte170m",
            full_range=True,
        )
    ),
    "mpeg-4 in avi": Source(
        thirds(*("avi", "-c:v", "mpeg4", "-q:v", "2", "-c:a", "libmp3lame"), matrix="smpte170m")
    ),
    "m4v": Source(thirds("m4v", *X264, *AAC), copied=True),
    "3gp": Source(
        thirds(
            *("3gp", "-c:v", "h263", "-q:v", "2", *AAC),
            size="176x144",
            matrix="smpte170m",
            layout="mono",
        ),
        size=(176, 144),
        channels=1,
    ),
    "h264 in ts": Source(thirds("ts", *X264, *AAC), copied=True),
    **{
        f"fields in {suffix}": Source(
            thirds(suffix, *MPEG2, *FIELDS, fps="50", seconds=0.8, filters=IN_FIELDS),
            fps=Fraction(50),
        )
        for suffix in ("mkv", "ts", "m2ts", "mpg")
    },
}


@functools.cache
def result_of(clip: Path) -> TranscodeResult:
    return transcode(clip, clips.new_path("work"), options=OPTIONS)


@functools.cache
def made_of(clip: Path) -> MediaInfo:
    return probe(result_of(clip).top.path, options=OPTIONS)


def colours_of(path: Path, reads: str) -> list[tuple[int, ...]]:
    """Red, green and blue in the middle of each third, as shown, on the way from black to red."""
    told = made_picture(path)
    width, height = len(told[0]) // 3, len(told)
    across = [1 / 6, 1 / 2, 5 / 6]
    ways = {
        "right": [(share, 0.5) for share in across],
        "left": [(1 - share, 0.5) for share in across],
        "down": [(0.5, share) for share in across],
        "up": [(0.5, 1 - share) for share in across],
    }
    spots = [(int(x * width), int(y * height)) for x, y in ways[reads]]
    return [tuple(told[y][3 * x : 3 * x + 3]) for x, y in spots]


def made_picture(path: Path) -> list[bytes]:
    """Rows of the third decoded picture, turned as players turn it."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-vf", "select=gte(n\\,2)"]
    command += ["-frames:v", "1", "-f", "image2", "-c:v", "ppm", "-update", "1", "-"]
    header, data = _run(command).split(b"\n255\n", 1)
    width = int(header.split()[1])
    return [data[start : start + 3 * width] for start in range(0, len(data), 3 * width)]


def _run(command: list[str]) -> bytes:
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert done.stderr == b""
    return done.stdout


def decode_all(path: Path) -> None:
    """Fails at whatever FFmpeg complains about, from the first packet to the last."""
    _run(["ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"])


# One of each group: test_pipeline and the browsers' combinations have the same kinds.
@pytest.mark.parametrize("source", one_in(6, SOURCES))
def test_a_source_comes_out_as_it_should(source: Source) -> None:
    clip = source.make()
    result, info = result_of(clip), made_of(clip)
    video, audio = info.video, info.audio
    assert video is not None
    assert result.plan.copied == source.copied
    assert (result.top.width, result.top.height) == (video.width, video.height) == source.size
    assert video.fps == source.fps
    assert video.sar == 1
    assert not video.interlaced
    assert (video.codec, video.bit_depth) == ("h264", 8)
    assert info.duration_seconds == pytest.approx(result.info.duration_seconds, abs=0.12)
    assert (audio.channels if audio else None) == source.channels
    assert audio is None or audio.codec == "aac"


@pytest.mark.parametrize("source", one_in(6, SOURCES))
def test_its_colours_are_right_and_all_of_it_decodes(source: Source) -> None:
    path = result_of(source.make()).top.path
    for colour, expected in zip(colours_of(path, source.reads), (BLACK, WHITE, RED), strict=True):
        assert colour == pytest.approx(expected, abs=14)
    decode_all(path)


def test_subtitles_go_beside_the_picture_and_not_into_it(tmp_path: Path) -> None:
    clip = clips.with_subtitles("mkv", "subrip", "eng", "fre")
    result = result_of(clip)
    assert result.plan.copied
    assert made_of(clip).subtitles == ()
    decode_all(result.top.path)
    tracks = extract_captions(clip, result.info, tmp_path, options=OPTIONS)
    assert [one.code for one in tracks] == ["en", "fr"]


def test_a_copy_with_a_cover_holds_the_video_alone() -> None:
    clip = clips.with_cover()
    result = result_of(clip)
    assert (result.top.width, result.top.height) == (320, 180)
    decode_all(result.top.path)


def test_a_file_that_starts_late_is_not_taken_for_longer() -> None:
    for suffix in ("mkv", "ts"):
        clip = clips.started_at(clips.h264_mp4(), 100, suffix)
        assert result_of(clip).top.duration_seconds == pytest.approx(2, abs=0.12)


def three_hours() -> Path:
    """Of one small picture a second."""
    return clips.repeated(clips.brightening(seconds=60, fps="1"), 180)


def test_three_hours_are_copied() -> None:
    clip = three_hours()
    result = result_of(clip)
    assert result.plan.copied
    assert result.top.duration_seconds == pytest.approx(3 * 3600, abs=40)


@pytest.mark.long
def test_three_hours_are_encoded() -> None:
    clip = clips.repeated(clips.hevc_mp4(seconds=60, size="64x64", fps="5"), 180)
    result = result_of(clip)
    assert not result.plan.copied
    assert result.top.duration_seconds == pytest.approx(3 * 3600, abs=40)


def test_a_video_longer_than_may_be_is_refused() -> None:
    clip = three_hours()
    with pytest.raises(SourceError, match="longer than the 2-hour limit"):
        transcode(
            clip,
            clips.new_path("work"),
            options=replace(OPTIONS, max_duration_seconds=2 * 3600),
        )


@pytest.mark.parametrize("with_cover", [False, True])
def test_music_is_refused_with_a_sentence(with_cover: bool) -> None:
    with pytest.raises(SourceError, match=r"only sound\. Upload a video\."):
        transcode(clips.audio_only(with_cover=with_cover), clips.new_path("work"), options=OPTIONS)
